// The number of slots of each rank.

#ifndef OCTET_PARALLEL_PLANNER_SLOT_ROOMS_H_
#define OCTET_PARALLEL_PLANNER_SLOT_ROOMS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/placement/expert_placement.h"

namespace octet {

using SlotRooms = std::vector<std::vector<int>>;  // [layers][ranks]

// Returns equally many slots for each rank, or one more, as EplbSlots does. Which ranks have one
// more goes around over the layers. replicas: [layers], slots beyond one for each expert.
SlotRooms SpreadSlots(PlacementShape shape, std::span<const int> replicas);

// Returns slots in proportion to `rooms`, the (layer, expert) pairs that fit on each rank: [ranks].
// No rank gets more than its room, or more slots in a layer than experts. A layer gets as many
// slots as others, or one more. A result may have fewer slots in a layer than experts: then the
// rooms are too small.
SlotRooms SlotsOfRooms(PlacementShape shape, std::span<const int64_t> rooms);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_SLOT_ROOMS_H_
