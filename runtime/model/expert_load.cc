#include "runtime/model/expert_load.h"

#include <algorithm>
#include <numeric>

namespace octet {

void ExpertLoad::Add(int layer, const DispatchPlan& plan) {
  for (size_t e = 0; e < plan.expert_tokens.size(); ++e) {
    expert_tokens_[layer][e] += plan.expert_tokens[e];
  }
  for (size_t r = 0; r < plan.rank_tokens.size(); ++r) {
    rank_tokens_[layer][r] += plan.rank_tokens[r];
  }
  busiest_rank_tokens_ += *std::ranges::max_element(plan.rank_tokens);
}

double Balancedness(std::span<const int64_t> load) {
  const int64_t max = *std::max_element(load.begin(), load.end());
  if (max == 0) return 1;
  const int64_t sum = std::accumulate(load.begin(), load.end(), int64_t{0});
  return static_cast<double>(sum) / static_cast<double>(load.size()) / static_cast<double>(max);
}

}  // namespace octet
