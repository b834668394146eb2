// The change from one placement to another while a job runs.

#ifndef OCTET_PARALLEL_PLACEMENT_PLACEMENT_CHANGE_H_
#define OCTET_PARALLEL_PLACEMENT_PLACEMENT_CHANGE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/placement/expert_counts.h"
#include "parallel/placement/expert_placement.h"

namespace octet {

// Returns the ranks, ascending, to which an expert of a layer must come: they have it in `target`
// only.
std::vector<int32_t> NewRanks(const ExpertPlacement& now, const ExpertPlacement& target, int layer,
                              int expert);

bool IsSameLayer(const ExpertPlacement& a, const ExpertPlacement& b, int layer);

// Returns `target` with ranks renamed, layer by layer, so that more experts stay where they are.
// Only ranks that hold equally many experts of the layer exchange names: the loads and the memory
// of ranks stay as they are.
ExpertPlacement RenameRanks(const ExpertPlacement& now, const ExpertPlacement& target);

// Returns a placement with the layers of `target` in which the busiest rank has fewer tokens than
// in `now`, and the other layers of `now`. The tokens of an expert are divided evenly among its
// replicas. counts: [layers, experts].
ExpertPlacement KeepUnlessBetter(const ExpertPlacement& now, const ExpertPlacement& target,
                                 const ExpertCounts& counts);

// Returns `target`, but with the layers of `now` for which a rank has no room. Layers change one
// after the other, and a rank gets new experts before it frees those that they replace. A layer
// stays as it is if a rank would hold more (layer, expert) pairs at a time than its room. rooms:
// [ranks]. Sets `num_kept` to the number of these layers.
ExpertPlacement KeepWithoutRoom(const ExpertPlacement& now, const ExpertPlacement& target,
                                std::span<const int64_t> rooms, int& num_kept);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_PLACEMENT_CHANGE_H_
