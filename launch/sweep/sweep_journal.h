// What a sweep keeps in its directory, so that it can go on.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_JOURNAL_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_JOURNAL_H_

#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <string>

#include "launch/sweep/sweep_plan.h"
#include "proto/sweep.pb.h"
#include "runtime/io/file.h"

namespace octet {

// The names of files in the directory of a sweep.
inline constexpr char kSweepCopy[] = "sweep.textproto";
inline constexpr char kSweepRuns[] = "points.jsonl";
inline constexpr char kSweepTable[] = "sweep.csv";

// The runs that have ended, as SweepRuns by order, and the sweep that they are of. A run that was
// added survives a loss of power.
class SweepJournal {
 public:
  // Begins or continues a sweep in a directory, and locks it. Refuses one that has runs unless
  // `resume` is set, and runs of another sweep in any case. Errors say what to do. Drops a last
  // line that was not written to its end.
  static absl::StatusOr<std::unique_ptr<SweepJournal>> Open(FileSystem& files,
                                                            const std::string& directory,
                                                            const SweepPlan& plan, bool resume);
  ~SweepJournal();
  SweepJournal(const SweepJournal&) = delete;
  SweepJournal& operator=(const SweepJournal&) = delete;

  // The last try of each turn that was run, by SweepRun::order.
  const std::map<int, SweepRun>& runs() const { return runs_; }

  absl::Status Add(const SweepRun& run);

 private:
  SweepJournal(FileSystem& files, const std::string& directory)
      : files_(files), directory_(directory) {}

  std::string PathOf(const std::string& name) const { return JoinPath(directory_, name); }
  absl::Status Lock();
  absl::Status CheckSweepIn(const SweepPlan& plan, bool resume);
  absl::Status ReadRuns(const SweepPlan& plan);
  absl::Status Begin(const SweepPlan& plan);

  FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<FileLock> lock_;  // null where the file system has none
  std::string lines_;               // of earlier attempts
  std::map<int, SweepRun> runs_;
  std::unique_ptr<OutputStream> stream_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_JOURNAL_H_
