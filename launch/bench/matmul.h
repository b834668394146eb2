// The benchmark of products with one weight.

#ifndef OCTET_LAUNCH_BENCH_MATMUL_H_
#define OCTET_LAUNCH_BENCH_MATMUL_H_

#include <span>
#include <vector>

#include "launch/bench/kernel_bench.h"

namespace octet {

// Measures y = x W^T with W [outputs, inputs] for each number of rows of x, and the packing of W.
std::vector<KernelResult> BenchMatmul(const KernelBench& bench, int64_t inputs, int64_t outputs,
                                      std::span<const int64_t> rows);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MATMUL_H_
