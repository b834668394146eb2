// The lists that describe the tokens of a step.

#ifndef OCTET_KERNELS_BASE_STEP_LISTS_H_
#define OCTET_KERNELS_BASE_STEP_LISTS_H_

#include <cstdint>
#include <span>

#include "kernels/base/attention.h"

namespace octet {

// Lists on the host that many operations of a step read.
struct StepLists {
  std::span<const int32_t> tokens;     // [N]
  std::span<const int32_t> positions;  // [N]
  std::span<const int32_t> logit_rows;
  std::span<const SequenceSpan> spans;
  int64_t heads_of_kv = 1;   // query heads that share a key-value head
  int64_t context_room = 0;  // operations that are recorded are for as many positions, or more
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_STEP_LISTS_H_
