// A search for a better placement of one layer that proves it if there is none.

#ifndef OCTET_PARALLEL_PLANNER_EXACT_SEARCH_H_
#define OCTET_PARALLEL_PLANNER_EXACT_SEARCH_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "parallel/planner/slot_plan.h"

namespace octet {

// A search, depth first, through all placements with replicas: heaviest experts first, each on any
// set of ranks with free slots. Of ranks that are alike, with the same speed, slots and experts, it
// takes the first. It leaves out what can't be better: where the experts so far, and all others
// together on any ranks with free slots, already take too long.
class ExactSearch {
 public:
  static constexpr int kMostRanks = 10;
  static constexpr int kMostExperts = 32;

  // tokens: [experts], at most kMostExperts. slots, speeds: [ranks], at most kMostRanks; at least
  // as many slots as experts.
  ExactSearch(std::span<const int64_t> tokens, std::span<const int> slots,
              std::span<const double> speeds);

  enum class Outcome { kBetter, kNone, kUnknown };

  // Looks for a placement whose busiest rank takes less than `time`, and sets `better` to the ranks
  // of its experts if there is one. The outcome is kUnknown after `most_steps`.
  Outcome FindBetter(double time, int64_t most_steps, LayerRanks& better);

 private:
  // Ranks that are alike.
  struct Kind {
    std::vector<int> ranks;
    int taken = 0;
  };

  // Both return an outcome other than kNone if the search is to end.
  Outcome Place(size_t next);
  Outcome PlaceOnKinds(size_t next, std::vector<Kind>& kinds, size_t kind, int least, int most);
  Outcome PlaceOn(size_t next, uint32_t ranks);

  std::vector<Kind> FindKinds() const;
  bool CanBeBetter() const;
  void Add(uint32_t ranks, double tokens);

  std::vector<int> order_;              // experts, heaviest first
  std::vector<double> tokens_;          // [experts]
  std::vector<double> speeds_;          // [ranks]
  std::vector<double> speeds_of_sets_;  // [sets of ranks]
  std::vector<double> fastest_;         // [ranks + 1] speed of that many ranks, at most
  std::vector<int> free_;               // [ranks] slots
  int num_free_ = 0;                    // of all ranks
  std::vector<uint32_t> experts_on_;    // [ranks] as bits
  std::vector<uint32_t> ranks_of_;      // [experts] as bits
  std::vector<double> tokens_of_sets_;  // [sets] of the experts that only ranks of the set have
  double unplaced_ = 0;                 // tokens
  double time_ = 0;
  int64_t steps_left_ = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_EXACT_SEARCH_H_
