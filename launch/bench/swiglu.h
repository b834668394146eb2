// The benchmark of one rank's experts, computed together.

#ifndef OCTET_LAUNCH_BENCH_SWIGLU_H_
#define OCTET_LAUNCH_BENCH_SWIGLU_H_

#include <span>
#include <string>
#include <vector>

#include "launch/bench/kernel_bench.h"
#include "launch/bench/routing_load.h"

namespace octet {

// The shape for which its loads are made.
inline constexpr RoutingShape kSwiGluShape = {.num_experts = 8, .topk = 2};

// The routing of the benchmark's tokens.
struct SwiGluRouting {
  std::string name = {};        // for the user; not shown if empty
  RoutingLoad* load = nullptr;  // for kSwiGluShape; if null, in the ratio 8 : 7 : ... : 1
};

// Measures 8 experts of this hidden and intermediate size (a multiple of 16). They share the
// (token, slot) rows of each number of `tokens`, two rows per token. For a load, tokens are lines
// at position 0.
std::vector<KernelResult> BenchSwiGlu(const KernelBench& bench, int64_t hidden,
                                      int64_t intermediate, std::span<const int64_t> tokens,
                                      const SwiGluRouting& routing = {});

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_SWIGLU_H_
