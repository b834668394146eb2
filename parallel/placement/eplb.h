// The expert-parallel load balancer of DeepSeek.

#ifndef OCTET_PARALLEL_PLACEMENT_EPLB_H_
#define OCTET_PARALLEL_PLACEMENT_EPLB_H_

#include <span>
#include <vector>

#include "parallel/placement/expert_counts.h"

namespace octet {

struct EplbShape {
  int num_slots;       // of all ranks together, in each layer: experts and their replicas
  int num_ranks;       // nodes are groups of consecutive ranks, of equal size
  int num_groups = 1;  // of experts that should stay on one node, of equal size
  int num_nodes = 1;
};

// Returns the experts of the slots of one layer, rank by rank: [num_slots]. `counts`: [experts].
//
// The rule of github.com/deepseek-ai/EPLB (2025): groups of experts go to nodes, heaviest first,
// each to the least loaded node that has room. Within a node, the expert with the most tokens per
// replica gets another replica, until the slots are used up. Slots go to ranks as groups go to
// nodes. If the number of nodes does not divide the number of groups, all ranks are one node. EPLB
// has equally many slots on each rank. Here, if that is not possible, as many ranks as necessary
// have one more, from `first_larger` on.
std::vector<int> EplbSlots(std::span<const int64_t> counts, const EplbShape& shape,
                           int first_larger = 0);

// Returns the number of slots of a rank under that rule.
int NumSlots(const EplbShape& shape, int rank, int first_larger);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_EPLB_H_
