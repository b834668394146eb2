// A search that exchanges experts of the busiest ranks.

#ifndef OCTET_PARALLEL_PLANNER_SWAP_SEARCH_H_
#define OCTET_PARALLEL_PLANNER_SWAP_SEARCH_H_

#include <cstdint>
#include <span>

#include "parallel/planner/slot_plan.h"

namespace octet {

// Lowers the time of the busiest rank. In turn, the replicas of each expert share its tokens so
// that their ranks are level, and the busiest rank exchanges one of its slots, with the tokens of
// its share, for one of another rank, as long as both then take less time than it did. The tokens
// of thousands of exchanges are compared in the time of one division of tokens over all replicas,
// so layers of hundreds of experts come close to the best, from which LayerSearch goes on. tokens:
// [experts]. speeds: [ranks].
LayerSlots SwapBusiest(LayerSlots slots, std::span<const int64_t> tokens,
                       std::span<const double> speeds);

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_SWAP_SEARCH_H_
