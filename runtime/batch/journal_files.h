// The names of what lies in the directory of a journal.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_FILES_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_FILES_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// In OUTPUT.journal, where N has six digits or more:
//   lock           held, and named, by the attempt that runs
//   part-N         what attempt N has done (runtime/batch/journal_record.h)
//   part-N.crash   made by a rank of attempt N that crashed
//   output-N       the output, as attempt N completes it
//   waiting-N.X    results of attempt N that wait for earlier ones, where there is no part
//   finished       the job whose output is complete; finished.new.X is one that is being written
// Whatever else lies there is somebody else's, and is left alone.
enum class JournalFile { kForeign, kLock, kPart, kCrash, kOutput, kWaiting, kFinished, kNew };

inline constexpr char kLockName[] = "lock";
inline constexpr char kFinishedName[] = "finished";

// By its name alone.
JournalFile KindOfName(const std::string& name);

// By its name and, where it has a form, how it begins, if at most two of its letters are damaged.
absl::StatusOr<JournalFile> KindOfFile(FileSystem& files, const std::string& path);

std::string PartName(int attempt);
std::string CrashName(const std::string& part);
std::string OutputName(int attempt);
std::string WaitingName(int attempt);

// The number in the name of a part.
int AttemptOf(const std::string& part);

// The attempt that follows all of which something is there.
int NextAttempt(const std::vector<std::string>& names);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_FILES_H_
