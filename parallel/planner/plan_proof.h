// How near to the best a placement of one layer is.

#ifndef OCTET_PARALLEL_PLANNER_PLAN_PROOF_H_
#define OCTET_PARALLEL_PLANNER_PLAN_PROOF_H_

#include <cstdint>
#include <span>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/slot_plan.h"

namespace octet {

inline constexpr double kClose = 1e-9;  // of two values that count as equal

// The best placement that was found.
struct ProvenPlan {
  LayerSlots slots;
  double time = 0;   // of the busiest rank, the mean over steps
  double bound = 0;  // no placement takes less

  bool IsBest() const { return time <= bound * (1 + kClose); }
};

// Takes better placements until there is none, or the search for one gets too long: then raises the
// bound as far as shorter searches prove. Leaves the plan as it is if the layer is too large for
// ExactSearch. slots, speeds: [ranks].
//
// Searches look at sums of steps that are alike, in which no placement takes more time than in the
// steps: what is not better there need not be looked at in all steps.
void ProvePlan(const StepMatrix& steps, std::span<const int> slots, std::span<const double> speeds,
               double most_operations, ProvenPlan& plan);

// The most sums of steps that ProvePlan looks at: coarse ones in its searches, finer ones in what
// they find.
struct MergedSteps {
  int64_t coarse, finer;
};

MergedSteps MergedStepsOf(int num_ranks, double most_operations);

// Returns whether ProvePlan can do anything.
bool CanProve(const StepMatrix& steps, int num_ranks);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_PLAN_PROOF_H_
