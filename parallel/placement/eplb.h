// The expert-parallel load balancer of DeepSeek.

#ifndef OCTET_PARALLEL_PLACEMENT_EPLB_H_
#define OCTET_PARALLEL_PLACEMENT_EPLB_H_

#include <span>
#include <vector>

#include "parallel/placement/expert_counts.h"

namespace octet {

struct EplbShape {
  int num_slots;       // of all ranks together, in each layer: experts and their replicas
  int num_ranks;       // nodes are groups of consecutive ranks, as many in each
  int num_groups = 1;  // of experts that should stay on one node; as many experts in each
  int num_nodes = 1;
};

// The experts of the slots of one layer, rank by rank: [num_slots]. `counts`: [experts].
//
// The rule of github.com/deepseek-ai/EPLB (2025): groups of experts go to nodes, each heaviest
// first to the least loaded node that has room; within a node the expert with most tokens a replica
// gets another one, until the slots are used up; these go to ranks as the groups to nodes. Where
// the nodes do not divide the groups, all is one node. There the slots are as many on each rank;
// here, where they can't be, the ranks from `first_larger` on have one more.
std::vector<int> EplbSlots(std::span<const int64_t> counts, const EplbShape& shape,
                           int first_larger = 0);

// Slots of a rank with that rule.
int NumSlots(const EplbShape& shape, int rank, int first_larger);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_EPLB_H_
