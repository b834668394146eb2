// What the flags of octet plan ask for.

#ifndef OCTET_LAUNCH_PLAN_PLAN_OPTIONS_H_
#define OCTET_LAUNCH_PLAN_PLAN_OPTIONS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parallel/planner/placement_planner.h"
#include "parallel/planner/routing_counts.h"
#include "runtime/io/file.h"

namespace octet {

struct PlanOptions {
  std::string trace, load;  // one file
  std::string fit, judge;   // two files; a name that ends in .zst is that of a trace
  int ranks = 0;            // 0: those of --hosts
  std::vector<int64_t> slots, memory, speeds;  // of each rank, or one for all
  int replicas = -1;                           // in each layer; -1: not given
  int replica_budget = -1;                     // in all layers together
  std::string hosts;                           // a file
  int host_weight = 10;
  int expert_groups = 1;
  std::string objective;
  std::vector<std::string> policies;
  int64_t seed = 0;
  std::string out, format = "octet";
  std::string output_json;
};

// The objectives, and the names of the placements that are best at them.
inline constexpr char kLoadObjective[] = "load";
inline constexpr char kTimeObjective[] = "time";
inline constexpr char kBytesObjective[] = "bytes";
inline constexpr char kBothObjective[] = "both";

// The routing for which placements are made, and that on which they are judged.
struct PlanRouting {
  RoutingCounts fit;
  std::string fit_name;
  std::optional<RoutingCounts> judged;  // absent if there is only one load
  std::string judged_name;
};

// Checks flags that contradict each other, before any file is read.
absl::Status CheckPlanOptions(const PlanOptions& options);

// Reads the files of --trace, --load, --fit and --judge.
absl::StatusOr<PlanRouting> ReadPlanRouting(FileSystem& files, const PlanOptions& options);

// Makes the setting. With a budget of replicas, sets `division` to what it divided. Sets `note` to
// what the user should know of the ranks.
absl::StatusOr<PlanSetting> MakePlanSetting(FileSystem& files, const PlanOptions& options,
                                            const RoutingCounts& fit,
                                            std::optional<ReplicaDivision>& division,
                                            std::string& note);

}  // namespace octet

#endif  // OCTET_LAUNCH_PLAN_PLAN_OPTIONS_H_
