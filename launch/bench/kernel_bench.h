// What the benchmarks of kernels have in common: bounds, a measured kernel, its line.

#ifndef OCTET_LAUNCH_BENCH_KERNEL_BENCH_H_
#define OCTET_LAUNCH_BENCH_KERNEL_BENCH_H_

#include <absl/functional/function_ref.h>

#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/cpu/isa.h"
#include "proto/machine_profile.pb.h"

namespace octet {

// One path and dtype, and what the machine can do at most.
struct KernelBench {
  Backend& backend;
  Isa isa;
  DType dtype;                   // of weights and KV cache
  double dram_read = 0;          // bytes per second
  double dram_copy = 0;          // bytes per second, read and written
  double dot_products = 0;       // operations per second in `dtype`
  double f32_dot_products = 0;   // the same in float32
  int64_t cold_bytes = 1 << 28;  // as much memory as no cache holds
};

// What one call of a kernel does.
struct KernelWork {
  std::string kernel;
  std::string shape;
  int64_t rows = 0;
  int64_t context = 0;
  double operations = 0;
  double operations_per_second = 0;  // the machine's
  double bytes = 0;
  double bytes_per_second = 0;  // the machine's
};

struct KernelResult {
  KernelTime time;
  bool right = false;
};

// The median of several calls, which do the work each, beside the longer of computing it and moving
// its bytes.
KernelTime TimeKernel(const KernelBench& bench, const KernelWork& work,
                      absl::FunctionRef<void()> call);

// A line for a person.
std::string FormatKernel(const KernelResult& result);

// Whether a sum in float32 is as near to `expected` as sums of numbers of this magnitude (that of
// all summands together) come, give or take `slack` times it.
bool IsNear(double got, double expected, double magnitude, double slack = 0);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_KERNEL_BENCH_H_
