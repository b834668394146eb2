// The memory that a replayed job needs on each rank.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_MEMORY_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_MEMORY_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "proto/replay.pb.h"
#include "runtime/replay/cluster_model.h"
#include "runtime/replay/replayed_job.h"

namespace octet {

struct ReplayMemoryPlan {
  std::vector<int64_t> pages;                // [ranks] of the KV cache; 0: as many as are needed
  std::vector<int64_t> replicated, experts;  // [ranks] bytes; those replicated lie once on a host
  std::vector<int> sharers;                  // [ranks] on its host; 1 on devices
  std::vector<int64_t> usable;               // [ranks] bytes for a rank; 0: not known
  int64_t page_bytes = 0;                    // of all layers
};

// Divides nine tenths of the memory of each host or device, where the cluster says how much that
// is. An error names the first that has too little, and what it lacks.
absl::StatusOr<ReplayMemoryPlan> PlanReplayMemory(const ClusterModel& cluster,
                                                  const ReplayedModel& model,
                                                  const ExpertPlacement& placement);

// Sets the memory of each rank, with the most pages that it used.
void WriteMemory(const ReplayMemoryPlan& plan, const ReplayedJob& job, Replay& replay);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_MEMORY_H_
