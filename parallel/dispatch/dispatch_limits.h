// The limits of an exchange.

#ifndef OCTET_PARALLEL_DISPATCH_DISPATCH_LIMITS_H_
#define OCTET_PARALLEL_DISPATCH_DISPATCH_LIMITS_H_

#include <algorithm>
#include <cstdint>

#include "kernels/base/dtype.h"

namespace octet {

struct DispatchLimits {
  // A rank receives and computes at most as many tokens at a time as this many full ranks have.
  // More tokens come in later rounds.
  static constexpr int64_t kRanksAtATime = 4;

  int64_t max_tokens = 0;  // of one rank in one step
  int64_t hidden_size = 0;
  int topk = 0;
  DType dtype = DType::kF32;  // of the rows that experts read

  int64_t max_pairs() const { return max_tokens * topk; }

  // Where `num_ranks` ranks have tokens: the most tokens that a rank receives at a time, and the
  // most (token, slot) pairs that it computes at a time.
  int64_t tokens_at_a_time(int64_t num_ranks) const {
    return std::min(num_ranks, kRanksAtATime) * max_tokens;
  }
  int64_t pairs_at_a_time(int64_t num_ranks) const { return tokens_at_a_time(num_ranks) * topk; }
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_DISPATCH_LIMITS_H_
