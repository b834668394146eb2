#include "launch/bench/bench_memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

TEST(CheckBenchMemory, NamesTheFirstThatDoesNotFit) {
  MemoryFileSystem files;
  files.files["/proc/meminfo"] = "MemAvailable:    4194304 kB\n";  // 4 GiB
  constexpr double kGiB = 1 << 30;
  const std::vector<BenchMemory> fits = {{"--rows 1", 4 * kGiB}, {"--tokens 1", 0}};
  EXPECT_TRUE(CheckBenchMemory(files, fits).ok());
  const std::vector<BenchMemory> large = {
      {"--rows 1", kGiB}, {"--tokens 7", 6 * kGiB}, {"--seq-len 9", 1e300}};
  const absl::Status status = CheckBenchMemory(files, large);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            "--tokens 7: takes 6.0 GiB, more than the 4.0 GiB that /proc/meminfo leaves; make it "
            "smaller");
}

}  // namespace
}  // namespace octet
