// The plan for each host's memory, made before anything is loaded.

#ifndef OCTET_LAUNCH_SETUP_MEMORY_PLAN_H_
#define OCTET_LAUNCH_SETUP_MEMORY_PLAN_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/checkpoint/weights.h"
#include "runtime/engine/engine.h"
#include "runtime/io/available_memory.h"

namespace octet {

// The memory that a job needs, in bytes unless noted otherwise.
struct MemoryNeeds {
  int64_t replicated = 0;              // on each host
  bool ranks_share = true;             // otherwise `replicated` is on each rank
  std::vector<ExpertFormats> formats;  // [layers] of experts
  std::vector<int64_t> experts;        // [ranks]
  int64_t workspace = 0;    // on each rank: its largest step, masks of constraints, and the process
  int64_t root = 0;         // on rank 0 in addition: requests and answers that wait
  int64_t page = 0;         // of the KV cache, all layers
  int64_t least_pages = 0;  // that a rank must have: those of the longest sequence
  int64_t most_pages = 0;   // that a rank can use

  // For the advice on the number of hosts.
  int64_t one_expert = 0;         // of the layer where it is the largest
  int64_t one_of_each_layer = 0;  // one expert of each layer, together
  int num_experts = 1;            // of each layer
  int num_layers = 1;
};

// Returns all needs but the experts of the ranks.
MemoryNeeds CountMemoryNeeds(const ModelFiles& model, const EngineOptions& options,
                             const RunConfig& config);

// The memory of a host, or of a device with memory of its own.
struct HostMemory {
  std::string name;
  std::vector<int> ranks;
  AvailableMemory available;
};

struct MemoryPlan {
  MemoryNeeds needs;
  std::vector<HostMemory> hosts;
  std::vector<int64_t> pages;  // [ranks] of the KV cache
};

// Returns MemoryNeeds::experts. The ranks form groups with the ranks of `placement`. Each rank has
// room for `spare_experts` more (layer, expert) pairs.
std::vector<int64_t> CountExpertBytes(const ModelConfig& config,
                                      std::span<const ExpertFormats> formats,
                                      const ExpertPlacement& placement, int num_ranks,
                                      int spare_experts);

// Returns the number of (layer, expert) pairs that fit on each rank of an expert-parallel group,
// beside the least that it needs otherwise. Takes the least over the groups. May be negative.
absl::StatusOr<std::vector<int64_t>> RoomForExperts(const MemoryNeeds& needs,
                                                    const std::vector<HostMemory>& hosts,
                                                    const std::string& setting, int group_size);

// Divides the memory that `setting` (--memory) allows on each host among its ranks. An error names
// the host, what it lacks, and what would be enough.
absl::StatusOr<MemoryPlan> PlanMemory(const MemoryNeeds& needs, std::vector<HostMemory> hosts,
                                      const std::string& setting);

// What a rank knows of the memory that it shares with others.
struct SharedMemory {
  std::string key;  // the same on all ranks that share it
  std::string name;
  AvailableMemory available;
};

// Collective. Returns the memories of all ranks, by their first ranks. Ranks may know of different
// limits: the least counts.
std::vector<HostMemory> GatherMemory(Communicator& world, const SharedMemory& mine);

// Collective. Returns the hosts of the job, each with its available memory. kept_bytes: of this
// host, those that weights of an earlier attempt take: the job uses or frees them.
absl::StatusOr<std::vector<HostMemory>> GatherHostMemory(Communicator& world, int64_t kept_bytes,
                                                         FileSystem& files);

// Returns the bytes that a setting allows of `available`: "12GiB", "500MB" or "80%".
absl::StatusOr<int64_t> ParseMemory(const std::string& setting, int64_t available);

// Formats bytes as "4.70 GiB".
std::string FormatGiB(int64_t bytes);

// Returns a few lines for the user: each rank's share.
std::string DescribePlan(const MemoryPlan& plan);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_MEMORY_PLAN_H_
