// Placements made from loads.

#ifndef OCTET_PARALLEL_PLACEMENT_BALANCED_PLACEMENT_H_
#define OCTET_PARALLEL_PLACEMENT_BALANCED_PLACEMENT_H_

#include "parallel/placement/expert_counts.h"
#include "parallel/placement/expert_placement.h"

namespace octet {

// By EplbSlots, with `num_replicas` slots in each layer more than there are experts. Two replicas
// of an expert on one rank are one. counts: [num_layers, num_experts].
ExpertPlacement PlaceByEplb(PlacementShape shape, const ExpertCounts& counts, int num_replicas);

// Each expert once, as many or one less on each rank, so that the busiest rank of each layer has as
// few tokens as is possible: the best of all partitions. At most kMostPartitioned experts.
inline constexpr int kMostPartitioned = 12;
ExpertPlacement PlaceByPartition(PlacementShape shape, const ExpertCounts& counts);

// `base` and `num_replicas` more in each layer, one after the other: on a rank that holds fewest
// pairs of all layers, of the expert with most tokens a replica that is not there yet.
ExpertPlacement AddReplicas(const ExpertPlacement& base, const ExpertCounts& counts,
                            int num_replicas);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_BALANCED_PLACEMENT_H_
