// The check that a benchmark fits into memory.

#ifndef OCTET_LAUNCH_BENCH_BENCH_MEMORY_H_
#define OCTET_LAUNCH_BENCH_BENCH_MEMORY_H_

#include <absl/status/status.h>

#include <span>
#include <string>

#include "runtime/io/file.h"

namespace octet {

// The bytes that some flags request, with their names and values: "--rows 512". In double, which
// does not overflow.
struct BenchMemory {
  std::string flags;
  double bytes = 0;
};

// Checks needs that do not coincide. kInvalidArgument: one exceeds the available memory; then the
// caller must not allocate.
absl::Status CheckBenchMemory(FileSystem& files, std::span<const BenchMemory> needs);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_BENCH_MEMORY_H_
