// The experts of one rank, computed together.

#ifndef OCTET_LAUNCH_BENCH_SWIGLU_H_
#define OCTET_LAUNCH_BENCH_SWIGLU_H_

#include <span>
#include <string>
#include <vector>

#include "launch/bench/kernel_bench.h"
#include "launch/bench/routing_load.h"

namespace octet {

// What its loads are made for.
inline constexpr RoutingShape kSwiGluShape = {.num_experts = 8, .topk = 2};

// Where tokens go.
struct SwiGluRouting {
  std::string name = {};        // for a person; empty: nothing is said
  RoutingLoad* load = nullptr;  // of kSwiGluShape; null: in the ratio 8 : 7 : ... : 1
};

// 8 experts of this hidden and intermediate size (a multiple of 16) that share the (token, slot)
// rows of so many tokens, two of each. To a load, tokens are lines at position 0.
std::vector<KernelResult> BenchSwiGlu(const KernelBench& bench, int64_t hidden,
                                      int64_t intermediate, std::span<const int64_t> tokens,
                                      const SwiGluRouting& routing = {});

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_SWIGLU_H_
