// What a process that crashes leaves behind.

#ifndef OCTET_LAUNCH_CRASH_NOTE_H_
#define OCTET_LAUNCH_CRASH_NOTE_H_

#include <string>

namespace octet {

// From now on a fault of this process, a signal such as SEGV or a failed check, adds a line to the
// file at `path`, if its directory can be written from here. What ends a process from outside, such
// as KILL or TERM, is no fault. Call after MPI_Init, whose own handlers then follow.
void LeaveNoteOnCrash(const std::string& path, const std::string& who);

}  // namespace octet

#endif  // OCTET_LAUNCH_CRASH_NOTE_H_
