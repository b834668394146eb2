#include "parallel/planner/slot_plan.h"

#include <algorithm>
#include <iterator>

namespace octet {

LayerRanks RanksOf(const LayerSlots& slots, int num_experts) {
  LayerRanks ranks(num_experts);
  for (int32_t r = 0; r < std::ssize(slots); ++r) {
    for (const int32_t expert : slots[r]) {
      if (ranks[expert].empty() || ranks[expert].back() != r) ranks[expert].push_back(r);
    }
  }
  return ranks;
}

bool HasExpert(const std::vector<int32_t>& of_rank, int32_t expert) {
  return std::ranges::find(of_rank, expert) != of_rank.end();
}

ExpertPlacement SlotPlan::ToPlacement() const {
  LayerRanks ranks;
  for (const LayerSlots& slots : layers) {
    std::ranges::move(RanksOf(slots, shape.num_experts), std::back_inserter(ranks));
  }
  return ExpertPlacement::FromRanks(shape, std::move(ranks));
}

SlotPlan SlotPlan::From(const ExpertPlacement& placement) {
  SlotPlan plan = {.shape = placement.shape(), .layers = {}};
  for (int l = 0; l < placement.num_layers(); ++l) {
    LayerSlots& slots = plan.layers.emplace_back();
    for (int r = 0; r < placement.num_ranks(); ++r) {
      const std::vector<int> local = placement.LocalExperts(l, r);
      slots.emplace_back(local.begin(), local.end());
    }
  }
  return plan;
}

}  // namespace octet
