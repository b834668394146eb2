#include "kernels/mapped_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

namespace octet {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// Of this process, in KiB.
int64_t AnonymousHugePages() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  int64_t kib = 0;
  while (file >> word) {
    if (word == "AnonHugePages:") file >> kib;
  }
  return kib;
}

TEST(MappedMemory, IsZeroAndOwned) {
  const Buffer memory = MapZeros(3 * kMiB + 5);
  ASSERT_EQ(memory.bytes(), 3 * kMiB + 5);
  EXPECT_TRUE(std::all_of(memory.data(), memory.data() + memory.bytes(),
                          [](std::byte b) { return b == std::byte{0}; }));
}

TEST(MappedMemory, TooMuchIsRefused) {
  EXPECT_EQ(MapZeros(size_t{1} << 62).data(), nullptr);
  EXPECT_EQ(errno, ENOMEM);
}

TEST(MappedMemory, SmallPagesBecomeHugeAndKeepWhatTheyHold) {
  constexpr size_t kBytes = 16 * kMiB;
  const Buffer memory = MapZeros(kBytes);
  madvise(memory.data(), kBytes, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < kBytes; ++i) memory.data()[i] = static_cast<std::byte>(i / 4096 + i);
  madvise(memory.data(), kBytes, MADV_HUGEPAGE);
  const int64_t before = AnonymousHugePages();
  UseHugePages(memory);
  for (size_t i = 0; i < kBytes; ++i) {
    ASSERT_EQ(memory.data()[i], static_cast<std::byte>(i / 4096 + i)) << i;
  }
  const int64_t gathered = AnonymousHugePages() - before;
  if (gathered == 0) GTEST_SKIP() << "this system gathers no pages: Linux before 6.1, or no memory";
  EXPECT_GE(gathered, static_cast<int64_t>(kBytes / 2 / 1024));
}

}  // namespace
}  // namespace octet
