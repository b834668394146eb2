// The rows that a token sends to other ranks and hosts.

#ifndef OCTET_PARALLEL_PLANNER_TOKEN_COPIES_H_
#define OCTET_PARALLEL_PLANNER_TOKEN_COPIES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/planner/routing_counts.h"
#include "parallel/planner/slot_plan.h"

namespace octet {

// Rows of a token in one layer: the mean over tokens and over homes.
struct TokenCopies {
  double ranks = 0;    // other ranks that get the token
  double hosts = 0;    // other hosts that get it
  double returns = 0;  // rows that come back from other ranks
};

// Counts the copies of tokens, each of whose homes is any rank with the same probability, as with
// homes round robin. Every token is served by as few other ranks as it can be: its home serves what
// it has, then the rank with the most of the remaining experts, and so on. For top 2 and less this
// is exact. Hosts are counted in the same way, by themselves. As in Dispatcher, a rank that has all
// experts of a token returns one row, any other a row for each expert.
class CopyCounter {
 public:
  // hosts: [ranks] the host of each, from 0.
  explicit CopyCounter(std::span<const int> hosts);

  TokenCopies Count(const LayerRanks& ranks, const TokenSets& sets);

 private:
  // Ranks or hosts.
  struct Places {
    std::vector<int32_t> of_rank;  // [ranks]
    std::vector<double> homes;     // [places] ranks there
    std::vector<uint64_t> has;     // [places] experts of the token there, as bits
  };

  struct Sums {
    double places = 0;
    double returns = 0;
  };

  // Returns the sums over homes for the token with these experts.
  Sums Cover(const LayerRanks& ranks, std::span<const int32_t> experts, Places& places);
  Sums CoverFrom(uint64_t missing, uint64_t all, const Places& places) const;

  Places ranks_;
  Places hosts_;
  std::vector<int32_t> touched_;  // places with an expert of the token
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_TOKEN_COPIES_H_
