// Placements of a layer that are made in one go, from which searches begin.

#ifndef OCTET_PARALLEL_PLANNER_SLOT_FILLING_H_
#define OCTET_PARALLEL_PLANNER_SLOT_FILLING_H_

#include <cstdint>
#include <span>

#include "parallel/planner/routing_counts.h"
#include "parallel/planner/slot_plan.h"

namespace octet {

// Fills the slots by loads alone. The slots that experts leave are replicas of the expert with the
// most tokens per replica. Heaviest first, each goes to the rank with the least time that has a
// slot and lacks the expert. tokens: [experts]. slots, speeds: [ranks]; at least as many slots as
// experts. A slot stays empty if its rank has all experts.
LayerSlots FillGreedily(std::span<const int64_t> tokens, std::span<const int> slots,
                        std::span<const double> speeds);

// Fills the slots so that no rank takes longer than `time`, as far as it succeeds. An expert that
// is too heavy for one rank fills some, which have the lightest experts in their other slots. Then,
// heaviest first, experts and what is left of them go to the rank with the most room, in parts
// while there are replicas. Arguments as above.
LayerSlots FillWithin(double time, std::span<const int64_t> tokens, std::span<const int> slots,
                      std::span<const double> speeds);

// Returns the best of these and of some fillings in between, each after SwapBusiest, where all
// tokens are one step. speeds: [ranks].
LayerSlots FillWell(const LayerCounts& counts, std::span<const int> slots,
                    std::span<const double> speeds);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_SLOT_FILLING_H_
