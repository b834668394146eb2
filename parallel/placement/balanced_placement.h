// Placements made from loads.

#ifndef OCTET_PARALLEL_PLACEMENT_BALANCED_PLACEMENT_H_
#define OCTET_PARALLEL_PLACEMENT_BALANCED_PLACEMENT_H_

#include "parallel/placement/expert_counts.h"
#include "parallel/placement/expert_placement.h"

namespace octet {

// Places experts by EplbSlots, with `num_replicas` more slots than experts in each layer. Two
// replicas of an expert on one rank become one. counts: [num_layers, num_experts].
ExpertPlacement PlaceByEplb(PlacementShape shape, const ExpertCounts& counts, int num_replicas);

// Places each expert once. Every rank gets equally many experts, or one less. The busiest rank of
// each layer has as few tokens as possible: the result is the best of all partitions. Takes at most
// kMostPartitioned experts.
inline constexpr int kMostPartitioned = 12;
ExpertPlacement PlaceByPartition(PlacementShape shape, const ExpertCounts& counts);

// Returns `base` with `num_replicas` more replicas in each layer, placed one after the other. Each
// goes to a rank that holds the fewest pairs of all layers. It is a replica of the expert with the
// most tokens per replica, among the experts that this rank does not have yet.
ExpertPlacement AddReplicas(const ExpertPlacement& base, const ExpertCounts& counts,
                            int num_replicas);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_BALANCED_PLACEMENT_H_
