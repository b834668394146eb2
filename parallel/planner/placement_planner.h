// The best placement of all layers, and the placements with which to compare it.

#ifndef OCTET_PARALLEL_PLANNER_PLACEMENT_PLANNER_H_
#define OCTET_PARALLEL_PLANNER_PLACEMENT_PLANNER_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "parallel/planner/layer_planner.h"
#include "parallel/planner/replica_budget.h"
#include "parallel/planner/slot_rooms.h"

namespace octet {

// The cluster that a plan is for.
struct PlanSetting {
  PlacementShape shape;
  RankTraits ranks;
  SlotRooms slots;
  int expert_groups = 1;   // of EplbShape
  double host_weight = 0;  // of a copy to another host, beside that to a rank
  uint64_t seed = 0;
};

// Plans layer by layer, with the routing of `counts`.
class PlacementPlanner {
 public:
  // The arguments must outlive this object.
  PlacementPlanner(const RoutingCounts& counts, const PlanSetting& setting);

  // A search goes on from `start`, if there is one, and costs less. Of placements with the least
  // totals it takes one that stays good where loads vary.
  SlotPlan Plan(const PlanObjective& objective, const SlotPlan* start = nullptr);

  // Return the bounds of LayerPlanner, and which of them placements reach: [layers].
  std::vector<LayerFigures> Bounds();
  std::vector<ReachedBounds> Reached();

 private:
  const PlanSetting& setting_;
  std::deque<LayerPlanner> layers_;
};

// Returns the placement of a policy that does not search: contiguous, round-robin or random:SEED,
// with replicas by AddReplicas if each layer has slots for some; or eplb, which is EplbSlots. An
// error says which policy can't be had in this setting.
absl::StatusOr<SlotPlan> PlanByRule(const std::string& policy, const RoutingCounts& counts,
                                    const PlanSetting& setting);

// Divides `budget` replicas over the layers so that the sum of LayerFigures::total is low.
ReplicaDivision DivideReplicas(const RoutingCounts& counts, const PlanSetting& setting, int budget);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_PLACEMENT_PLANNER_H_
