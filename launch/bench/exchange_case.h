// Tokens whose exchange has a known result.

#ifndef OCTET_LAUNCH_BENCH_EXCHANGE_CASE_H_
#define OCTET_LAUNCH_BENCH_EXCHANGE_CASE_H_

#include <cstdint>

#include "kernels/base/matrix.h"
#include "parallel/dispatch/routing.h"

namespace octet {

// One layer, whose experts multiply what they get by a number of their own. The hidden states are
// whole numbers that bfloat16 holds and that differ from token to token and from rank to rank.
struct ExchangeCase {
  int64_t tokens_per_rank = 0;
  int64_t hidden_size = 4096;
  int num_experts = 8;
  int topk = 2;
  DType dtype = DType::kBF16;  // of the rows that experts get
  int64_t seed = 1;            // of the routing

  // For each token of a rank different experts, all equally likely, and random gate weights.
  Routing RoutingOf(int rank) const;

  // x: [tokens_per_rank, hidden_size] float32, that rank's hidden states.
  void FillInput(int rank, Matrix x) const;

  // What an expert multiplies by. With the same one for all, most sums would be the hidden state
  // again, since gate weights sum to 1.
  static float FactorOf(int expert) { return static_cast<float>(expert + 1); }

  // Whether y [tokens_per_rank, hidden_size] is, bit for bit, the sum of the outputs of the experts
  // of each of the rank's tokens, times their gate weights, in slot order.
  bool IsCombined(int rank, ConstMatrix y) const;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXCHANGE_CASE_H_
