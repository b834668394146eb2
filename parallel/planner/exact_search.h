// A search for better placements of one layer that proves it if there is none.

#ifndef OCTET_PARALLEL_PLANNER_EXACT_SEARCH_H_
#define OCTET_PARALLEL_PLANNER_EXACT_SEARCH_H_

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/slot_plan.h"

namespace octet {

// A search, depth first, through all placements with replicas: heaviest experts first, each on any
// set of ranks with free slots. Of ranks that are alike, with the same speed, slots and experts, it
// takes the first. It leaves out what can't be better. In each step no placement takes less time
// than
// * any set of ranks, for the experts that it alone has, and for all that have no rank yet if it
//   has all free slots;
// * any expert without a rank, on as many of the fastest ranks as there are replicas left.
class ExactSearch {
 public:
  static constexpr int kMostRanks = 10;
  static constexpr int kMostExperts = 32;

  // Returns whether a layer of that size is not too large.
  static bool CanSearch(int num_experts, int num_ranks, int64_t num_steps);

  // slots, speeds: [ranks]; at least as many slots as experts.
  ExactSearch(const StepMatrix& steps, std::span<const int> slots, std::span<const double> speeds);

  // What is known of a placement that was found.
  struct Judgement {
    double time;        // those that follow must take less, by the mean over steps; it only falls
    double operations;  // that it took to know this
  };
  using Judge = absl::FunctionRef<Judgement(const LayerRanks&)>;

  // Calls `judge` with placements whose busiest rank takes less than `time`, the mean over steps:
  // all, except for those with a slot to spare, which others are not worse than, and for those that
  // differ in ranks that are alike. Returns false if it has not seen all after so many operations.
  bool VisitBetter(double time, double most_operations, Judge judge);

 private:
  // Ranks that are alike.
  struct Kind {
    std::vector<int> ranks;
    int taken = 0;
  };

  void Place(size_t next);
  void PlaceOnKinds(size_t next, std::vector<Kind>& kinds, size_t kind, int least, int most);
  void PlaceOn(size_t next, uint32_t ranks);
  void JudgePlacement();

  std::span<double> Of(std::vector<double>& rows, size_t row) const {
    return std::span(rows).subspan(row * num_steps_, num_steps_);
  }
  std::vector<Kind> FindKinds() const;
  uint32_t RanksWithFree() const;
  bool HasUseForFree() const;
  int NumSpare(size_t next) const;
  int LeastRanks(size_t next);
  void Take(size_t next, uint32_t ranks, int sign);
  bool CanBeBetter(size_t placed, uint32_t ranks, bool has_filled);

  size_t num_steps_;
  std::vector<int> order_;              // experts, heaviest first
  std::vector<double> tokens_;          // [experts in order, steps]
  std::vector<double> heaviest_;        // [experts in order + 1, steps] of this one and later ones
  std::vector<double> speeds_;          // [ranks]
  std::vector<double> speeds_of_sets_;  // [sets of ranks]
  std::vector<double> fastest_;         // [ranks + 1] speed of that many ranks, at most
  std::vector<int> free_;               // [ranks] slots
  int num_free_ = 0;                    // of all ranks
  std::vector<uint32_t> experts_on_;    // [ranks] as bits
  std::vector<uint32_t> ranks_of_;      // [experts] as bits
  std::vector<double> tokens_of_sets_;  // [sets, steps] of the experts that only these ranks have
  std::vector<double> unplaced_;        // [steps] tokens
  std::vector<double> times_;           // [experts placed, steps] at least
  double time_ = 0;                     // of all steps
  double operations_left_ = 0;
  const Judge* judge_ = nullptr;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_EXACT_SEARCH_H_
