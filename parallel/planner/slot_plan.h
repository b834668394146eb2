// A placement with the order of each rank's experts.

#ifndef OCTET_PARALLEL_PLANNER_SLOT_PLAN_H_
#define OCTET_PARALLEL_PLANNER_SLOT_PLAN_H_

#include <cstdint>
#include <vector>

#include "parallel/placement/expert_placement.h"

namespace octet {

// The experts of the slots of each rank in one layer: [ranks][slots]. Other programs number slots,
// rank by rank, so their order counts. An expert may be on a rank twice.
using LayerSlots = std::vector<std::vector<int32_t>>;

// The ranks of each expert in one layer, ascending, each once: [experts].
using LayerRanks = std::vector<std::vector<int32_t>>;

LayerRanks RanksOf(const LayerSlots& slots, int num_experts);

bool HasExpert(const std::vector<int32_t>& of_rank, int32_t expert);

// Each expert has a slot in each layer.
struct SlotPlan {
  PlacementShape shape;
  std::vector<LayerSlots> layers;

  // Two slots of one expert on one rank become one.
  ExpertPlacement ToPlacement() const;

  // The experts of each rank are ascending.
  static SlotPlan From(const ExpertPlacement& placement);
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_SLOT_PLAN_H_
