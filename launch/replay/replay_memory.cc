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
  const bool devices = cluster.ranks_are_devices();
  const auto place_of = [&](int r) { return devices ? r : cluster.host_of(r); };
  ReplayMemoryPlan plan;
  std::vector<int64_t> left(devices ? cluster.num_ranks() : cluster.num_hosts());
  std::vector<bool> is_begun(left.size());
  for (int r = 0; r < cluster.num_ranks(); ++r) {
    const HostModel& host = cluster.host_of_rank(r);
    const LayerProfile& sizes = host.sizes();
    const auto bytes = static_cast<int64_t>(kUsableShare * host.memory_gib() * (1 << 30));
    plan.experts.push_back(pairs[r % placement.num_ranks()] * sizes.expert_bytes());
    plan.replicated.push_back(model.num_layers * sizes.layer_bytes() + sizes.other_bytes());
    plan.sharers.push_back(devices ? 1 : host.num_ranks());
    plan.usable.push_back(bytes / plan.sharers.back());
    plan.page_bytes = kKvBlock * sizes.position_bytes() * model.num_layers;
    if (!is_begun[place_of(r)]) left[place_of(r)] = bytes - plan.replicated.back();
    is_begun[place_of(r)] = true;
    left[place_of(r)] -= plan.experts.back();
  }
  for (int r = 0; r < cluster.num_ranks(); ++r) {
    const int64_t bytes = left[place_of(r)];
    plan.pages.push_back(plan.usable[r] > 0 ? bytes / plan.sharers[r] / plan.page_bytes : 0);
    if (plan.usable[r] == 0 || plan.pages.back() > 0) continue;
    return absl::ResourceExhaustedError(
        absl::StrCat(devices ? "rank " : "host ", place_of(r), " lacks ",
                     FormatGiB(plan.page_bytes * plan.sharers[r] - bytes),
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
    memory.set_total_bytes(memory.expert_weight_bytes() + memory.kv_cache_bytes() +
                           plan.replicated[r] / plan.sharers[r]);
    memory.set_usable_bytes(plan.usable[r]);
  }
}

}  // namespace octet
