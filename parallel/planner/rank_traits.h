// The ranks for which experts are placed.

#ifndef OCTET_PARALLEL_PLANNER_RANK_TRAITS_H_
#define OCTET_PARALLEL_PLANNER_RANK_TRAITS_H_

#include <vector>

namespace octet {

struct RankTraits {
  std::vector<double> speeds;  // [ranks] tokens in a unit of time, positive
  std::vector<int> hosts;      // [ranks] the host of each, from 0

  int num_ranks() const { return static_cast<int>(speeds.size()); }
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_RANK_TRAITS_H_
