#include "launch/bench/bench_memory.h"

#include <absl/strings/str_format.h>

#include "runtime/io/available_memory.h"

namespace octet {

absl::Status CheckBenchMemory(FileSystem& files, std::span<const BenchMemory> needs) {
  constexpr double kGiB = 1 << 30;
  const absl::StatusOr<AvailableMemory> available = ReadAvailableMemory(files);
  if (!available.ok()) return available.status();
  for (const BenchMemory& need : needs) {
    if (need.bytes <= static_cast<double>(available->bytes)) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: takes %.1f GiB, more than the %.1f GiB that %s leaves; make it smaller", need.flags,
        need.bytes / kGiB, static_cast<double>(available->bytes) / kGiB, available->limited_by));
  }
  return absl::OkStatus();
}

}  // namespace octet
