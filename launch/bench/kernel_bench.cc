#include "launch/bench/kernel_bench.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>

#include "launch/bench/probes.h"

namespace octet {

KernelTime TimeKernel(const KernelBench& bench, const KernelWork& work,
                      absl::FunctionRef<void()> call) {
  const double arithmetic = work.operations > 0 ? work.operations / work.operations_per_second : 0;
  const double memory = work.bytes / work.bytes_per_second;
  KernelTime time;
  time.set_kernel(work.kernel);
  time.set_shape(work.shape);
  time.set_isa(Name(bench.isa));
  time.set_dtype(Name(bench.dtype));
  time.set_rows(work.rows);
  time.set_context(work.context);
  time.set_seconds(MedianSeconds(call));
  time.set_operations(work.operations);
  time.set_bytes(work.bytes);
  time.set_bound_by(arithmetic > memory ? "dot products" : "DRAM");
  time.set_bound_seconds(std::max(arithmetic, memory));
  time.set_share_of_bound(time.bound_seconds() / time.seconds());
  return time;
}

std::string FormatKernel(const KernelResult& result) {
  const KernelTime& t = result.time;
  std::string text =
      absl::StrFormat("%-12s %-9s %-12s %5d rows", t.isa(), t.dtype(), t.kernel(), t.rows());
  absl::StrAppendFormat(&text, " %-14s",
                        t.context() > 0 ? absl::StrCat("context ", t.context()) : "");
  absl::StrAppendFormat(&text, "%10.1f us ", t.seconds() * 1e6);
  absl::StrAppend(&text, t.operations() > 0
                             ? absl::StrFormat("%8.2f GFLOP/s", t.operations() / t.seconds() / 1e9)
                             : std::string(16, ' '));
  absl::StrAppendFormat(&text, " %7.2f GB/s   bound by %-12s: %5.1f%%   result %s\n",
                        t.bytes() / t.seconds() / 1e9, t.bound_by(), 100 * t.share_of_bound(),
                        result.right ? "right" : "WRONG");
  return text;
}

bool IsNear(double got, double expected, double magnitude, double slack) {
  constexpr double kRounding = 1e-5;
  return std::abs(got - expected) <= (kRounding + slack) * magnitude;
}

}  // namespace octet
