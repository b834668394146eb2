// The best placement of one layer's experts.

#ifndef OCTET_PARALLEL_PLANNER_LAYER_PLANNER_H_
#define OCTET_PARALLEL_PLANNER_LAYER_PLANNER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/plan_proof.h"
#include "parallel/planner/rank_traits.h"
#include "parallel/planner/routing_counts.h"
#include "parallel/planner/slot_plan.h"
#include "parallel/planner/token_copies.h"

namespace octet {

// The figures of one placement of one layer.
struct LayerFigures {
  double total = 0;   // the busiest rank over the mean of all, where all tokens are one step
  double steps = 0;   // the same for single steps, each weighted by its tokens
  double copies = 0;  // of a token: to other ranks, and host_weight times those to other hosts
};

// A weighted sum of figures that should be as low as possible.
struct PlanObjective {
  double total = 0;
  double steps = 0;
  double copies = 0;

  double Of(const LayerFigures& figures) const {
    return total * figures.total + steps * figures.steps + copies * figures.copies;
  }
};

// All partitions of a layer, with the figures that are cheap enough to have.
struct ListedPartitions {
  std::vector<std::vector<int32_t>> rank_of;  // [partitions][experts]; none if there are too many
  std::vector<LayerFigures> figures;          // [partitions]
  bool has_steps = false;
  bool has_copies = false;
};

// What a search may cost.
struct SearchLimits {
  double operations = 8e7;            // in each layer, about a nanosecond each
  const LayerSlots* start = nullptr;  // from which it goes on; null: a greedy placement
};

// Whether some placement has as little as a bound.
struct ReachedBounds {
  bool total = false;
  bool steps = false;
};

// Finds the experts of each rank's slots. If there are few partitions and no replicas, it looks at
// all of them, and the result is the best. Otherwise it searches, within a budget of operations,
// not of time: the same input and seed give the same result. For the total and for steps it then
// tries to prove that nothing is better (ProvePlan).
class LayerPlanner {
 public:
  static constexpr double kProofOperations = 2e8;

  // slots: [ranks], at least as many as experts. A proof takes at most so many operations, about
  // half a nanosecond each. The arguments must outlive this object.
  LayerPlanner(const LayerCounts& counts, std::vector<int> slots, const RankTraits& ranks,
               double host_weight, uint64_t seed, double proof_operations = kProofOperations);

  LayerSlots Plan(const PlanObjective& objective, const SearchLimits& limits = {});

  // Returns a placement with the same total that is best, on average, where loads vary. With
  // replicas many placements have the least total.
  LayerSlots MakeSteady(LayerSlots best, const SearchLimits& limits = {});

  // Returns figures below which no placement is; 0 for a figure of which nothing is known.
  LayerFigures Bounds();
  ReachedBounds Reached();

  LayerFigures Measure(const LayerRanks& ranks);

 private:
  const ListedPartitions& partitions();
  bool IsEnumerated(const PlanObjective& objective);
  LayerSlots PlanBySearch(const PlanObjective& objective, const SearchLimits& limits, double bound);
  const ProvenPlan& PlanTotal(const SearchLimits& limits);
  const ProvenPlan& PlanSteps(const SearchLimits& limits);
  double LeastTotal();
  double StepsBound();
  bool CanProveSteps() const;
  LayerFigures ComputeBounds();
  double CopiesBound() const;

  double TotalRatio(const LayerRanks& ranks) { return Ratio(busiest_.Mean(ranks, total_), total_); }
  double StepsRatio(const LayerRanks& ranks, const StepMatrix& steps) {
    return Ratio(busiest_.Mean(ranks, steps), steps);
  }
  double Ratio(double mean_time, const StepMatrix& steps) const;
  double Copies(const LayerRanks& ranks, const TokenSets& sets);
  double OperationsOfStep() const;
  bool TakesFlows() const;
  std::span<const uint8_t> CriticalRanks(const LayerRanks& ranks);

  const LayerCounts& counts_;
  const std::vector<int> slots_;
  const RankTraits& ranks_;
  const double host_weight_;
  const uint64_t seed_;
  const double proof_operations_;
  const StepMatrix total_;
  const StepMatrix steps_;
  int num_slots_ = 0;
  double speed_ = 0;  // of all ranks
  BusiestRank busiest_;
  ReplicaFlow flow_;
  CopyCounter copies_;
  std::optional<ListedPartitions> partitions_;
  std::optional<ProvenPlan> total_plan_;
  std::optional<ProvenPlan> steps_plan_;
  std::optional<LayerFigures> bounds_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_LAYER_PLANNER_H_
