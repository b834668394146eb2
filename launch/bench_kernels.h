// octet bench kernels: each kernel beside its physical bound, measured in the same run.

#ifndef OCTET_LAUNCH_BENCH_KERNELS_H_
#define OCTET_LAUNCH_BENCH_KERNELS_H_

#include <iosfwd>
#include <memory>

#include "launch/subcommand.h"

namespace octet {

struct KernelBenchOptions {
  int threads = 0;        // 0: all cores
  int64_t inputs = 4096;  // of the weight: an expert's w1 in Mixtral 8x7B
  int64_t outputs = 14336;
};

// Prints one line for each path, dtype and number of rows: rate, bound, share of the bound, and
// whether the result was right. Returns false when one was wrong.
bool BenchKernels(const KernelBenchOptions& options, std::ostream& out);

std::unique_ptr<Subcommand> AddBenchKernels(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_KERNELS_H_
