// The names of the files in the directory of a journal.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_FILES_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_FILES_H_

#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// The kinds of files in OUTPUT.journal. N has six digits or more:
//   lock           held by the running attempt, and contains its name
//   part-N         the work of attempt N (runtime/batch/journal_record.h)
//   part-N.crash   written by a rank of attempt N that crashed or stood still (fault_note.h)
//   output-N       the output, as attempt N completes it
//   waiting-N.X    results of attempt N that wait for earlier ones, if there is no part
//   finished       the job whose output is complete; finished.new.X is being written
// All other files are foreign, and are left alone.
enum class JournalFile { kForeign, kLock, kPart, kCrash, kOutput, kWaiting, kFinished, kNew };

inline constexpr char kLockName[] = "lock";
inline constexpr char kFinishedName[] = "finished";

// Returns the kind by the name alone.
JournalFile KindOfName(const std::string& name);

// Returns the kind by the name and, for kinds with a form, by the beginning of the file. At most
// two of its letters may be damaged.
absl::StatusOr<JournalFile> KindOfFile(FileSystem& files, const std::string& path);

std::string PartName(int attempt);
std::string CrashName(const std::string& part);
std::string OutputName(int attempt);
std::string WaitingName(int attempt);

// Returns the attempt's number from the name of a part.
int AttemptOf(const std::string& part);

// Returns the text of a message without newlines, as these files have it.
std::string TextInOneLine(const google::protobuf::Message& message);

// Returns the number after those of all attempts that have left a file.
int NextAttempt(const std::vector<std::string>& names);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_FILES_H_
