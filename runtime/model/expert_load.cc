#include "runtime/model/expert_load.h"

#include <algorithm>
#include <numeric>

namespace octet {

ExpertLoad::ExpertLoad(const ExpertPlacement& placement, int rank)
    : placement_(placement),
      rank_(rank),
      expert_tokens_(placement.num_layers(), std::vector<int64_t>(placement.num_experts())),
      rank_tokens_(placement.num_layers()) {
  for (int l = 0; l < placement.num_layers(); ++l) {
    local_experts_.push_back(placement.LocalExperts(l, rank));
  }
}

void ExpertLoad::Add(int layer, const ExpertPlan& plan) {
  if (plan.on_device != nullptr) return;  // AddDeviceCounts follows
  const std::vector<int>& experts = local_experts_[layer];
  for (size_t e = 0; e < experts.size(); ++e) {
    expert_tokens_[layer][experts[e]] += plan.offsets[e + 1] - plan.offsets[e];
  }
  rank_tokens_[layer] += std::ssize(plan.rows);
}

void ExpertLoad::AddDeviceCounts(std::span<const int64_t> counts) {
  auto next = counts.begin();
  for (size_t l = 0; l < expert_tokens_.size() && next != counts.end(); ++l) {
    for (int64_t& tokens : expert_tokens_[l]) {
      tokens += *next;
      rank_tokens_[l] += *next++;
    }
  }
}

double Balancedness(std::span<const int64_t> load) {
  const int64_t max = *std::max_element(load.begin(), load.end());
  if (max == 0) return 1;
  const int64_t sum = std::accumulate(load.begin(), load.end(), int64_t{0});
  return static_cast<double>(sum) / static_cast<double>(load.size()) / static_cast<double>(max);
}

}  // namespace octet
