// The common parts of kernel benchmarks: bounds, a measured kernel, its line.

#ifndef OCTET_LAUNCH_BENCH_KERNEL_BENCH_H_
#define OCTET_LAUNCH_BENCH_KERNEL_BENCH_H_

#include <absl/functional/function_ref.h>

#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/cpu/isa.h"
#include "proto/machine_profile.pb.h"

namespace octet {

// One path and dtype, and the greatest rates of the machine.
struct KernelBench {
  Backend& backend;
  Isa isa;
  DType dtype;                   // of weights and KV cache
  double dram_read = 0;          // bytes per second
  double dram_copy = 0;          // bytes per second, read and written
  double dot_products = 0;       // operations per second in `dtype`
  double f32_dot_products = 0;   // the same in float32
  int64_t cold_bytes = 1 << 28;  // more memory than any cache holds
};

// The work of one call of a kernel.
struct KernelWork {
  std::string kernel;
  std::string shape;
  int64_t rows = 0;
  int64_t context = 0;
  double operations = 0;
  double operations_per_second = 0;  // of the machine
  double bytes = 0;
  double bytes_per_second = 0;  // of the machine
};

struct KernelResult {
  KernelTime time;
  bool right = false;
};

// Measures the median of several calls, each of which does the work. The bound is the longer of the
// time to compute it and the time to move its bytes.
KernelTime TimeKernel(const KernelBench& bench, const KernelWork& work,
                      absl::FunctionRef<void()> call);

// Returns a line for the user.
std::string FormatKernel(const KernelResult& result);

// Returns whether a float32 sum is as near to `expected` as rounding allows. `magnitude` is the sum
// of all summands' magnitudes. `slack` is an additional tolerance, as a share of it.
bool IsNear(double got, double expected, double magnitude, double slack = 0);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_KERNEL_BENCH_H_
