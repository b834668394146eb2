// The number of tokens that each expert gets.

#ifndef OCTET_PARALLEL_PLACEMENT_EXPERT_COUNTS_H_
#define OCTET_PARALLEL_PLACEMENT_EXPERT_COUNTS_H_

#include <cstdint>
#include <vector>

namespace octet {

// The number of (token, slot) pairs: [layers, experts].
using ExpertCounts = std::vector<std::vector<int64_t>>;

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_EXPERT_COUNTS_H_
