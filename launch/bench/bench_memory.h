// Whether what a benchmark is asked for fits into memory.

#ifndef OCTET_LAUNCH_BENCH_BENCH_MEMORY_H_
#define OCTET_LAUNCH_BENCH_BENCH_MEMORY_H_

#include <absl/status/status.h>

#include <span>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// What some flags ask for, by their names and values: "--rows 512". In double, where nothing
// overflows.
struct BenchMemory {
  std::string flags;
  double bytes = 0;
};

// Each of them is needed at another time. kInvalidArgument: one is more than what is available
// here, and nothing may be allocated.
absl::Status CheckBenchMemory(FileSystem& files, std::span<const BenchMemory> needs);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_BENCH_MEMORY_H_
