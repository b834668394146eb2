#include "launch/replay/replay_memory.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "launch/setup/memory_plan.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

constexpr double kUsableShare = 0.9;  // as --memory allows without a word

}  // namespace

absl::StatusOr<ReplayMemoryPlan> PlanReplayMemory(const ClusterModel& cluster,
                                                  const ReplayedModel& model,
                                                  const ExpertPlacement& placement) {
  const std::vector<int64_t> pairs = placement.CountPairs();
  ReplayMemoryPlan plan;
  std::vector<int64_t> left(cluster.num_hosts());
  for (int h = 0; h < cluster.num_hosts(); ++h) {
    left[h] = static_cast<int64_t>(kUsableShare * cluster.host(h).memory_gib() * (1 << 30));
  }
  std::vector<bool> has_replicated(cluster.num_hosts());
  for (int r = 0; r < cluster.num_ranks(); ++r) {
    const int h = cluster.host_of(r);
    const LayerProfile& sizes = cluster.host(h).sizes();
    plan.experts.push_back(pairs[r % placement.num_ranks()] * sizes.expert_bytes());
    plan.replicated.push_back(model.num_layers * sizes.layer_bytes() + sizes.other_bytes());
    plan.page_bytes = kKvBlock * sizes.position_bytes() * model.num_layers;
    left[h] -= plan.experts.back() + (has_replicated[h] ? 0 : plan.replicated.back());
    has_replicated[h] = true;
  }
  for (int r = 0; r < cluster.num_ranks(); ++r) {
    const HostModel& host = cluster.host_of_rank(r);
    const int64_t bytes = left[cluster.host_of(r)];
    if (host.memory_gib() <= 0) {
      plan.pages.push_back(0);
      continue;
    }
    plan.pages.push_back(bytes / host.num_ranks() / plan.page_bytes);
    if (plan.pages.back() > 0) continue;
    return absl::ResourceExhaustedError(
        absl::StrCat("host ", cluster.host_of(r), " lacks ",
                     FormatGiB(plan.page_bytes * host.num_ranks() - bytes),
                     " for weights and a page of the KV cache for each rank"));
  }
  return plan;
}

void WriteMemory(const ReplayMemoryPlan& plan, const ReplayedJob& job, Replay& replay) {
  for (size_t r = 0; r < plan.experts.size(); ++r) {
    ReplayMemory& memory = *replay.add_memory();
    memory.set_replicated_weight_bytes(plan.replicated[r]);
    memory.set_expert_weight_bytes(plan.experts[r]);
    memory.set_kv_cache_bytes(job.most_pages(static_cast<int>(r)) * plan.page_bytes);
  }
}

}  // namespace octet
