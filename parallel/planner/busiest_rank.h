// The time of the busiest rank in each step.

#ifndef OCTET_PARALLEL_PLANNER_BUSIEST_RANK_H_
#define OCTET_PARALLEL_PLANNER_BUSIEST_RANK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/planner/replica_flow.h"
#include "parallel/planner/routing_counts.h"
#include "parallel/planner/slot_plan.h"

namespace octet {

// The tokens of a layer's experts in some steps, expert by expert, so that loops over steps are
// vectors.
class StepMatrix {
 public:
  // Takes every `stride`th step.
  static StepMatrix OfSteps(const LayerCounts& counts, int64_t stride = 1);

  // Takes the whole as one step.
  static StepMatrix OfTotal(const LayerCounts& counts);

  // Returns steps in each of which the whole is different at random: the tokens of each expert by
  // up to a half.
  static StepMatrix OfVariedTotals(const LayerCounts& counts, int64_t num_steps, uint64_t seed);

  // Returns at most so many steps, each the sum of some that are alike. A busiest rank has no less
  // to do in each of several steps than in their sum: that of the sum may have another best
  // division.
  StepMatrix Merged(int64_t most_steps) const;

  int num_experts() const { return num_experts_; }
  int64_t num_steps() const { return num_steps_; }
  std::span<const double> expert(int e) const {
    return std::span(tokens_).subspan(e * num_steps_, num_steps_);
  }
  double sum() const { return sum_; }  // over experts and steps

 private:
  StepMatrix(int num_experts, int64_t num_steps)
      : num_experts_(num_experts),
        num_steps_(num_steps),
        tokens_(static_cast<size_t>(num_experts) * num_steps) {}

  int num_experts_;
  int64_t num_steps_;
  double sum_ = 0;
  std::vector<double> tokens_;  // [experts, steps]
};

// Computes the least time of the busiest rank: tokens over speed, where in each step the tokens of
// an expert are divided over its replicas in the best way. Keeps its memory from one call to the
// next.
//
// Replicas tie ranks together. Where few ranks are tied, the time is the largest over all sets of
// them (ReplicaFlow says why), and where these have few experts, the largest over sets of experts,
// which all of their ranks share. Both take 2^(ranks or experts) operations in loops over steps.
// Otherwise each step takes a flow.
class BusiestRank {
 public:
  static constexpr int kMostInSets = 10;  // tied ranks, or experts
  static constexpr int64_t kBlock = 32;   // steps in one go

  // speeds: [ranks], must outlive this object.
  explicit BusiestRank(std::span<const double> speeds) : speeds_(speeds) {}

  // times: [steps]
  void Compute(const LayerRanks& ranks, const StepMatrix& steps, std::span<double> times);

  // Returns the mean of the times over the steps.
  double Mean(const LayerRanks& ranks, const StepMatrix& steps);

 private:
  // Ranks that are tied together, and the experts on them.
  struct Tied {
    std::vector<int32_t> ranks;
    std::vector<int> experts;
  };

  std::vector<Tied> FindTied(const LayerRanks& ranks) const;
  void TakeSets(const Tied& tied, const LayerRanks& ranks, const StepMatrix& steps,
                std::span<double> times);
  void TakeSetsOfExperts(const Tied& tied, const LayerRanks& ranks, const StepMatrix& steps,
                         std::span<double> times);
  void TakeFlows(const Tied& tied, const LayerRanks& ranks, const StepMatrix& steps,
                 std::span<double> times);

  std::span<const double> speeds_;
  std::vector<double> tokens_of_sets_;  // [sets of ranks or experts, a block of steps]
  std::vector<double> times_;
  ReplicaFlow flow_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_BUSIEST_RANK_H_
