// The figures of placements for octet plan.

#ifndef OCTET_LAUNCH_PLAN_PLAN_JUDGE_H_
#define OCTET_LAUNCH_PLAN_PLAN_JUDGE_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "parallel/planner/placement_planner.h"
#include "parallel/planner/placement_scorer.h"
#include "proto/placement_plan.pb.h"

namespace octet {

// The planner of some routing, the bounds of its figures, and the figures of any placement on it.
class PlanJudge {
 public:
  // The arguments must outlive this object.
  PlanJudge(const RoutingCounts& counts, const PlanSetting& setting);

  PlacementPlanner& planner() { return planner_; }
  const RoutingCounts& counts() const { return counts_; }

  PlanInput Describe(const std::string& name) const;
  PlanBounds DescribeBounds();

  // Returns the figures; the gap is that of `figure`, or of the total if there are no steps.
  PlacementFigures Measure(const SlotPlan& plan, double LayerFigures::*figure);

 private:
  const RoutingCounts& counts_;
  PlacementPlanner planner_;
  PlacementScorer scorer_;
  std::vector<LayerFigures> bounds_;  // [layers]
  LayerFigures whole_;                // their means
};

// Returns figures, each combine(its values in `all`), without those of layers.
PlacementFigures CombineFigures(
    std::span<const PlacementFigures> all,
    const std::function<double(const std::vector<double>& values)>& combine);

}  // namespace octet

#endif  // OCTET_LAUNCH_PLAN_PLAN_JUDGE_H_
