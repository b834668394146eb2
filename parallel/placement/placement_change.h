// From one placement to another while a job runs.

#ifndef OCTET_PARALLEL_PLACEMENT_PLACEMENT_CHANGE_H_
#define OCTET_PARALLEL_PLACEMENT_PLACEMENT_CHANGE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/placement/expert_counts.h"
#include "parallel/placement/expert_placement.h"

namespace octet {

// The ranks of a layer, ascending, to which an expert must come: they have it in `target` only.
std::vector<int32_t> NewRanks(const ExpertPlacement& now, const ExpertPlacement& target, int layer,
                              int expert);

bool IsSameLayer(const ExpertPlacement& a, const ExpertPlacement& b, int layer);

// `target` with ranks renamed, layer by layer, so that more experts stay where they are. Only ranks
// that hold as many experts of the layer change names: loads and memory stay as they are.
ExpertPlacement RenameRanks(const ExpertPlacement& now, const ExpertPlacement& target);

// `target` where its busiest rank has fewer tokens, each expert's divided evenly among its
// replicas; `now` in the other layers. counts: [layers, experts].
ExpertPlacement KeepUnlessBetter(const ExpertPlacement& now, const ExpertPlacement& target,
                                 const ExpertCounts& counts);

// Layers change one after the other, and what comes to a rank is there before what it replaces is
// freed. A layer for which a rank would hold more (layer, expert) pairs at a time than its room
// stays as it is. rooms: [ranks]. `num_kept` counts those layers.
ExpertPlacement KeepWithoutRoom(const ExpertPlacement& now, const ExpertPlacement& target,
                                std::span<const int64_t> rooms, int& num_kept);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_PLACEMENT_CHANGE_H_
