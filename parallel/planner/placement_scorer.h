// What a placement does with some routing.

#ifndef OCTET_PARALLEL_PLANNER_PLACEMENT_SCORER_H_
#define OCTET_PARALLEL_PLANNER_PLACEMENT_SCORER_H_

#include <vector>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/layer_planner.h"
#include "parallel/planner/rank_traits.h"
#include "parallel/planner/routing_counts.h"
#include "parallel/planner/slot_plan.h"
#include "parallel/planner/token_copies.h"

namespace octet {

struct PlacementScore {
  std::vector<LayerFigures> layers;  // figures of which nothing is known are 0
  LayerFigures whole;                // the means over layers
  std::vector<float> step_ratios;    // of each layer and step with tokens: busiest rank over mean
  TokenCopies copies;                // of a token in a layer
  double bytes = 0;                  // of a token in all layers, between ranks there and back
};

// Measures placements on routing that they may not have been made for. Keeps the counts of all
// steps as doubles.
class PlacementScorer {
 public:
  // The arguments must outlive this object.
  PlacementScorer(const RoutingCounts& counts, const RankTraits& ranks, double host_weight);

  PlacementScore Score(const SlotPlan& plan);

 private:
  void AddLayer(size_t layer, const LayerRanks& ranks, PlacementScore& score);

  const RoutingCounts& counts_;
  const double host_weight_;
  double speed_;  // of all ranks
  BusiestRank busiest_;
  CopyCounter copies_;
  std::vector<StepMatrix> totals_;         // [layers]
  std::vector<StepMatrix> steps_;          // [layers]; none if there are no steps
  std::vector<std::vector<double>> mean_;  // [layers][steps] of all ranks
  std::vector<double> times_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_PLACEMENT_SCORER_H_
