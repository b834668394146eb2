// octet bench kernels: each kernel beside its physical bound, measured in the same run.

#ifndef OCTET_LAUNCH_BENCH_KERNELS_H_
#define OCTET_LAUNCH_BENCH_KERNELS_H_

#include <absl/status/statusor.h>

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "launch/subcommand.h"
#include "proto/machine_profile.pb.h"

namespace octet {

struct KernelBenchOptions {
  int threads = 0;  // 0 means all cores
  std::string isa = "all";
  int64_t inputs = 4096;  // of the weight: an expert's w1 in Mixtral 8x7B
  int64_t outputs = 14336;
  std::vector<int64_t> rows = {1, 8, 16, 64, 512};  // of products
  std::vector<int64_t> tokens = {64, 512};          // of experts that are computed together
  std::string formats;    // quantised ones with commas between, or none; if empty, all
  int64_t seq_len = 512;  // of prefill, and of sequences decoded together
  std::vector<int64_t> contexts = {1024, 8192, 32768};  // of sequences decoded alone
  std::string routing;       // of experts; if empty, shares of 8 : 7 : ... : 1
  int64_t memory_mib = 256;  // more than any cache holds; each thread and each kernel uses it
};

// Runs on this rank alone. Prints the greatest rates of the machine, and a line for each kernel,
// path and dtype: rate, bound, share of the bound, and whether the result was right.
// kInvalidArgument, before anything is measured: this machine lacks the path. kInternal: a result
// was wrong.
absl::StatusOr<KernelProfile> BenchKernels(Communicator& alone, const KernelBenchOptions& options,
                                           std::ostream& out);

std::unique_ptr<Subcommand> AddBenchKernels(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_KERNELS_H_
