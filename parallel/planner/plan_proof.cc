#include "parallel/planner/plan_proof.h"

#include <algorithm>
#include <numeric>

#include "parallel/planner/exact_search.h"

namespace octet {
namespace {

// Returns the slots of a placement; what it leaves free gets the heaviest experts.
LayerSlots FillSpareSlots(const LayerRanks& ranks, std::span<const int> num_slots,
                          const StepMatrix& steps) {
  LayerSlots slots(num_slots.size());
  std::vector<std::pair<double, int32_t>> order;  // tokens, expert
  for (int32_t e = 0; e < std::ssize(ranks); ++e) {
    order.emplace_back(std::accumulate(steps.expert(e).begin(), steps.expert(e).end(), 0.0), e);
    for (const int32_t rank : ranks[e]) slots[rank].push_back(e);
  }
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t r = 0; r < slots.size(); ++r) {
    for (const auto& [tokens, e] : order) {
      if (std::ssize(slots[r]) == num_slots[r]) break;
      if (std::ranges::find(slots[r], e) == slots[r].end()) slots[r].push_back(e);
    }
  }
  return slots;
}

}  // namespace

void ProvePlan(const StepMatrix& steps, std::span<const int> slots, std::span<const double> speeds,
               double most_operations, ProvenPlan& plan) {
  const auto num_ranks = static_cast<int>(slots.size());
  if (!ExactSearch::CanSearch(steps.num_experts(), num_ranks, steps.num_steps())) return;
  constexpr int kMostUnknown = 5;
  ExactSearch search(steps, slots, speeds);
  BusiestRank busiest(speeds);
  int unknown = 0;
  double aim = plan.time * (1 - kClose);  // for which the search is
  double most = most_operations;
  while (!plan.IsBest() && aim > plan.bound && unknown < kMostUnknown) {
    LayerRanks better;
    const ExactSearch::Outcome outcome = search.FindBetter(aim, most, better);
    if (outcome == ExactSearch::Outcome::kBetter) {
      plan.slots = FillSpareSlots(better, slots, steps);
      plan.time = busiest.Mean(RanksOf(plan.slots, steps.num_experts()), steps);
      aim = plan.time * (1 - kClose);
    } else if (outcome == ExactSearch::Outcome::kUnknown) {
      ++unknown;
      most = most_operations / 4;
      aim = (plan.bound + aim) / 2;
    } else if (aim >= plan.time * (1 - 2 * kClose)) {
      plan.bound = plan.time;
    } else {
      ++unknown;  // whether a placement is above the aim
      const double above = aim + (aim - plan.bound);
      plan.bound = aim;
      aim = (aim + above) / 2;
    }
  }
}

}  // namespace octet
