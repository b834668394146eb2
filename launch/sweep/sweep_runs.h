// The runs of a sweep, one after the other.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_RUNS_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_RUNS_H_

#include <absl/status/status.h>

#include <functional>
#include <string>
#include <vector>

#include "launch/sweep/child_process.h"
#include "launch/sweep/stop_flag.h"
#include "launch/sweep/sweep_journal.h"
#include "launch/sweep/sweep_plan.h"
#include "runtime/io/file.h"

namespace octet {

struct SweepWork {
  const SweepPlan& plan;
  std::string directory;
  std::vector<std::string> environment;  // ChildCommand::environment of all runs

  // Runs a command: RunChild.
  std::function<absl::StatusOr<ChildEnd>(const ChildCommand&)> run;

  // Gets a line about each run that has ended.
  std::function<void(const std::string&)> tell;
};

// Runs all turns that have no result yet, in their order, and adds each to the journal once it has
// ended: also where it failed. Returns kCancelled if it was stopped; the run that was stopped is
// not added.
absl::Status RunTurns(const SweepWork& work, FileSystem& files, const StopFlag& stop,
                      SweepJournal& journal);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_RUNS_H_
