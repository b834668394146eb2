// The benchmark of operations on rows: norms, and the rows of an exchange.

#ifndef OCTET_LAUNCH_BENCH_ROWS_H_
#define OCTET_LAUNCH_BENCH_ROWS_H_

#include <vector>

#include "launch/bench/kernel_bench.h"

namespace octet {

// Measures RMS norm, the gathering of rows for a dispatch and the weighted sums of a combine. Uses
// more rows of `cols` columns than any cache holds.
std::vector<KernelResult> BenchRows(const KernelBench& bench, int64_t cols);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROWS_H_
