// The note that a crashing process leaves.

#ifndef OCTET_LAUNCH_PROCESS_CRASH_NOTE_H_
#define OCTET_LAUNCH_PROCESS_CRASH_NOTE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace octet {

// From now on, a fault of this process (a signal such as SEGV, or a failed check) adds a line to
// the file at `path`, if its directory is writable from here. A signal from outside, such as KILL
// or TERM, is no fault. Call it after MPI_Init: MPI's own handlers then run after this one. The
// lines have the form of runtime/batch/fault_note.h.
void LeaveNoteOnCrash(const std::string& path, const std::string& who);

// Adds the line of a process that is ended because its own thread stands still. Only the first call
// has an effect, and only after LeaveNoteOnCrash. Any thread may call it.
void LeaveNoteOfStandstill();

// From now on, notes say that the line of this request is being read; with nullopt, that none is.
void NoteLineBeingRead(std::optional<int64_t> number);

}  // namespace octet

#endif  // OCTET_LAUNCH_PROCESS_CRASH_NOTE_H_
