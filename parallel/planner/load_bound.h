// A lower bound of the busiest rank's time under any placement.

#ifndef OCTET_PARALLEL_PLANNER_LOAD_BOUND_H_
#define OCTET_PARALLEL_PLANNER_LOAD_BOUND_H_

#include <span>
#include <vector>

#include "parallel/planner/busiest_rank.h"

namespace octet {

// Computes times below which the busiest rank is under no placement. The largest of:
// * all tokens over the speed of all ranks that have slots;
// * the tokens of each expert over the speed of its ranks, where the replicas that the slots leave
//   go to the experts that need them most, and each expert has the fastest ranks;
// * if all ranks are alike: some rank has j + 1 of the heaviest j * ranks + 1 experts, and as many
//   more as there are replicas;
// * if all ranks are alike: times in which the ranks of some expert can't do both its tokens and
// what
//   their other slots have at least (IsTooShort).
class LoadBound {
 public:
  // slots: [ranks] of a layer with `num_experts` experts. speeds: [ranks].
  LoadBound(int num_experts, std::span<const int> slots, std::span<const double> speeds);

  // tokens: [experts].
  double Time(std::span<const double> tokens);

  // Returns the mean over the steps of each step's bound.
  double Mean(const StepMatrix& steps);

  // Returns the least mean with the same number of replicas of an expert in all steps, or less than
  // it if it takes more operations to find.
  double MeanOfFixed(const StepMatrix& steps, double most_operations) const;

 private:
  double ForReplicas() const;
  double ForPigeonholes() const;
  double ForOtherSlots(double least);
  bool IsTooShort(double time);
  int SurplusNeeded(double tokens, double most, int surplus) const;

  int num_replicas_ = 0;  // slots beyond those of each expert's first copy
  bool is_of_equals_ = false;
  int num_ranks_ = 0;             // with slots
  int least_slots_ = 0;           // of these
  double speed_ = 0;              // of one, if they are equal
  std::vector<double> fastest_;   // [ranks] speed of the fastest ranks, up to and with each
  std::vector<double> heaviest_;  // [experts] tokens, descending
  std::vector<double> first_;     // [experts] of a replica, ascending (IsTooShort)
  std::vector<double> lightest_;  // [experts + 1] sums of that
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_LOAD_BOUND_H_
