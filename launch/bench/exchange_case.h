// A case of tokens whose exchange has a known result.

#ifndef OCTET_LAUNCH_BENCH_EXCHANGE_CASE_H_
#define OCTET_LAUNCH_BENCH_EXCHANGE_CASE_H_

#include <cstdint>

#include "kernels/base/matrix.h"
#include "parallel/dispatch/routing.h"

namespace octet {

// One layer, whose experts multiply their input by a factor of their own. The hidden states are
// whole numbers that bfloat16 can represent. They differ between tokens and between ranks.
struct ExchangeCase {
  int64_t tokens_per_rank = 0;
  int64_t hidden_size = 4096;
  int num_experts = 8;
  int topk = 2;
  DType dtype = DType::kBF16;  // of the rows that experts get
  int64_t seed = 1;            // of the routing

  // Returns for each token of a rank different experts, all equally likely, and random gate
  // weights.
  Routing RoutingOf(int rank) const;

  // Fills x, [tokens_per_rank, hidden_size] float32, with the hidden states of `rank`.
  void FillInput(int rank, Matrix x) const;

  // Returns the factor of an expert. With one factor for all, most sums would equal the hidden
  // state times that factor, since gate weights sum to 1.
  static float FactorOf(int expert) { return static_cast<float>(expert + 1); }

  // Returns whether y [tokens_per_rank, hidden_size] is, bit for bit, the right sum for each of the
  // rank's tokens: the outputs of its experts, times their gate weights, in slot order.
  bool IsCombined(int rank, ConstMatrix y) const;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXCHANGE_CASE_H_
