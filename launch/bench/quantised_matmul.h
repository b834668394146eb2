#ifndef OCTET_LAUNCH_BENCH_QUANTISED_MATMUL_H_
#define OCTET_LAUNCH_BENCH_QUANTISED_MATMUL_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/weight_format.h"
#include "launch/bench/kernel_bench.h"

namespace octet {

// Measures the packing of a weight [outputs, inputs] of a quantised format, and its products with
// so many rows each. inputs: a multiple of kActivationBlock. Some outputs are compared, bit for
// bit, with the written definition.
std::vector<KernelResult> BenchQuantisedMatmul(const KernelBench& bench, WeightFormat format,
                                               int64_t inputs, int64_t outputs,
                                               std::span<const int64_t> rows);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_QUANTISED_MATMUL_H_
