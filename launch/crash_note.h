// What a process that crashes leaves behind.

#ifndef OCTET_LAUNCH_CRASH_NOTE_H_
#define OCTET_LAUNCH_CRASH_NOTE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace octet {

// From now on a fault of this process, a signal such as SEGV or a failed check, adds a line to the
// file at `path`, if its directory can be written from here. What ends a process from outside, such
// as KILL or TERM, is no fault. Call after MPI_Init, whose own handlers then follow. Lines are as
// runtime/batch/fault_note.h has them.
void LeaveNoteOnCrash(const std::string& path, const std::string& who);

// Adds the line of a process that is ended because its own thread stands still. Once, and only
// after LeaveNoteOnCrash. From any thread.
void LeaveNoteOfStandstill();

// Notes say from now on that this request's line is read; none: that none is.
void NoteLineBeingRead(std::optional<int64_t> number);

}  // namespace octet

#endif  // OCTET_LAUNCH_CRASH_NOTE_H_
