#include "parallel/dispatch/expert_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr int32_t kNotLocal = -1;

void CountPairs(std::span<const IncomingPairs> homes, std::span<const int> local_experts,
                int num_experts, ExpertPlan& plan) {
  plan.local.assign(num_experts, kNotLocal);
  for (size_t i = 0; i < local_experts.size(); ++i) {
    plan.local[local_experts[i]] = static_cast<int32_t>(i);
  }
  plan.offsets.assign(local_experts.size() + 1, 0);
  for (const IncomingPairs& home : homes) {
    for (const RoutedPair& pair : home.pairs) {
      OCTET_CHECK(plan.local[pair.expert] != kNotLocal) << "expert " << pair.expert;
      ++plan.offsets[plan.local[pair.expert] + 1];
    }
  }
  std::partial_sum(plan.offsets.begin(), plan.offsets.end(), plan.offsets.begin());
}

// Returns how many of `pairs` the next result sums: topk if this rank has all slots of the token,
// else 1.
int64_t PairsOfResult(std::span<const RoutedPair> pairs, int topk) {
  if (std::ssize(pairs) < topk) return 1;
  const bool whole = std::ranges::all_of(
      pairs.first(topk), [&](const RoutedPair& pair) { return pair.row == pairs[0].row; });
  return whole ? topk : 1;
}

}  // namespace

ExpertPlan PlanExperts(std::span<const IncomingPairs> homes, std::span<const int> local_experts,
                       int num_experts, int topk, ExpertPlan reuse) {
  ExpertPlan plan = std::move(reuse);
  CountPairs(homes, local_experts, num_experts, plan);
  plan.next.assign(plan.offsets.begin(), plan.offsets.end());
  plan.rows.resize(plan.offsets.back());
  plan.returns.Clear();
  for (const IncomingPairs& home : homes) {
    int32_t result = home.first_result;
    for (std::span<const RoutedPair> left = home.pairs; !left.empty();) {
      const int64_t pairs = PairsOfResult(left, topk);
      for (const RoutedPair& pair : left.first(pairs)) {
        const int32_t place = plan.next[plan.local[pair.expert]]++;
        plan.rows[place] = home.first_row + pair.row;
        plan.returns.Add(place, pair.weight);
      }
      plan.returns.EndSum();
      plan.returns.results.push_back(result++);
      left = left.subspan(pairs);
    }
  }
  return plan;
}

}  // namespace octet
