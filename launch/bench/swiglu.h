// The experts of one rank, computed together.

#ifndef OCTET_LAUNCH_BENCH_SWIGLU_H_
#define OCTET_LAUNCH_BENCH_SWIGLU_H_

#include <span>
#include <vector>

#include "launch/bench/kernel_bench.h"

namespace octet {

// 8 experts of this hidden and intermediate size (a multiple of 16) that share the (token, slot)
// rows of so many tokens, two of each, in the ratio 8 : 7 : ... : 1.
std::vector<KernelResult> BenchSwiGlu(const KernelBench& bench, int64_t hidden,
                                      int64_t intermediate, std::span<const int64_t> tokens);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_SWIGLU_H_
