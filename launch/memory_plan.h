// What the memory of each host is used for, decided before anything is loaded.

#ifndef OCTET_LAUNCH_MEMORY_PLAN_H_
#define OCTET_LAUNCH_MEMORY_PLAN_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine.h"
#include "runtime/io/available_memory.h"

namespace octet {

// In bytes, where nothing else is said.
struct MemoryNeeds {
  int64_t replicated = 0;        // of each host
  std::vector<int64_t> experts;  // [ranks]
  int64_t workspace = 0;         // of each rank: the matrices of its largest step, and the process
  int64_t root = 0;              // of rank 0 besides: requests and answers that wait
  int64_t page = 0;              // of the KV cache, all layers
  int64_t least_pages = 0;       // that a rank must have: of the longest sequence
  int64_t most_pages = 0;        // that a rank can use

  // For the advice on how many hosts it takes.
  int64_t one_expert = 0;  // of one layer
  int num_experts = 1;     // of each layer
  int num_layers = 1;
};

// All but the experts of the ranks.
MemoryNeeds CountMemoryNeeds(const ModelFiles& model, const EngineOptions& options,
                             const RunConfig& config);

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

// MemoryNeeds::experts; the ranks are groups of those of `placement`, and each has room for so many
// (layer, expert) pairs more.
std::vector<int64_t> CountExpertBytes(const ModelConfig& config, const ExpertPlacement& placement,
                                      DType dtype, int num_ranks, int spare_experts);

// How many (layer, expert) pairs fit on each rank of an expert-parallel group, beside what it needs
// least of all else: in the group where that is least. May be negative.
absl::StatusOr<std::vector<int64_t>> RoomForExperts(const MemoryNeeds& needs,
                                                    const std::vector<HostMemory>& hosts,
                                                    const std::string& setting, int group_size);

// Divides what `setting` (--memory) allows of each host among its ranks. An error names the host,
// what it lacks, and what would do.
absl::StatusOr<MemoryPlan> PlanMemory(const MemoryNeeds& needs, std::vector<HostMemory> hosts,
                                      const std::string& setting);

// Collective: the hosts of the job, each with what it has.
absl::StatusOr<std::vector<HostMemory>> GatherHostMemory(Communicator& world, FileSystem& files);

// The bytes that a setting allows of `available`: "12GiB", "500MB" or "80%".
absl::StatusOr<int64_t> ParseMemory(const std::string& setting, int64_t available);

// "4.70 GiB"
std::string FormatGiB(int64_t bytes);

// A few lines for a person: each rank's share.
std::string DescribePlan(const MemoryPlan& plan);

}  // namespace octet

#endif  // OCTET_LAUNCH_MEMORY_PLAN_H_
