// The files that a page is made from.

#ifndef OCTET_LAUNCH_PAGES_PAGE_INPUTS_H_
#define OCTET_LAUNCH_PAGES_PAGE_INPUTS_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "proto/placement_plan.pb.h"
#include "proto/replay.pb.h"
#include "proto/report.pb.h"
#include "proto/routing_stats.pb.h"
#include "proto/sweep.pb.h"
#include "runtime/io/file.h"

namespace octet {

// A message, and the path of its file.
template <typename Message>
struct FromFile {
  std::string path;
  Message message;
};

struct SweepFiles {
  std::string path;  // of points.jsonl
  std::vector<SweepRun> runs;
  std::optional<Sweep> sweep;  // of sweep.textproto beside it
  int torn_line = 0;           // the last one, from 1, if it was not written to its end
};

struct UsedFile {
  std::string path;
  size_t bytes = 0;
  std::string command;  // that made it, or makes such a file
};

struct PageInputs {
  std::vector<FromFile<RunReport>> runs;
  std::vector<FromFile<RoutingStats>> stats;
  std::vector<FromFile<PlacementPlan>> plans;
  std::vector<SweepFiles> sweeps;
  std::vector<FromFile<Replay>> replays;
  std::vector<FromFile<ReplayComparison>> comparisons;

  std::vector<UsedFile> used;
  std::vector<std::string> unused;  // paths
};

// Reads what the directories have, by the names of files. Refuses a directory that has nothing to
// show, and a damaged file, but for the end of a sweep's points. `output`, and files named
// kPageName, are not among the unused.
absl::StatusOr<PageInputs> ReadPageInputs(FileSystem& files,
                                          const std::vector<std::string>& directories,
                                          const std::string& output);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PAGE_INPUTS_H_
