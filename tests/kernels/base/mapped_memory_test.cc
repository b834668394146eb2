#include "kernels/base/mapped_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

namespace octet {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// What this process has, in KiB.
int64_t HugePages() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  int64_t sum = 0;
  while (file >> word) {
    int64_t kib = 0;
    if (word == "AnonHugePages:" || word == "ShmemPmdMapped:") file >> kib;
    sum += kib;
  }
  return sum;
}

// Whether the system can at all, found out without the code that is tested.
bool SystemGathers(bool shared) {
  constexpr size_t kHugePage = 2 * kMiB;
  constexpr int kCollapse = 25;  // MADV_COLLAPSE
  const int file = shared ? memfd_create("probe", MFD_CLOEXEC) : -1;
  if (shared && ftruncate(file, kHugePage) != 0) return false;
  void* const room = mmap(nullptr, 2 * kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto first = (reinterpret_cast<uintptr_t>(room) + kHugePage - 1) / kHugePage * kHugePage;
  void* const page = mmap(reinterpret_cast<void*>(first), kHugePage, PROT_READ | PROT_WRITE,
                          MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS), file, 0);
  std::fill_n(static_cast<std::byte*>(page), kHugePage, std::byte{1});
  const bool can = madvise(page, kHugePage, kCollapse) == 0;
  munmap(room, 2 * kHugePage);
  if (shared) close(file);
  return can;
}

// Small pages of untouched `memory`.
void ExpectToBecomeHuge(const Buffer& memory) {
  std::byte* const data = memory.data();
  madvise(data, memory.bytes(), MADV_NOHUGEPAGE);
  for (size_t i = 0; i < memory.bytes(); ++i) data[i] = static_cast<std::byte>(i / 4096 + i);
  madvise(data, memory.bytes(), MADV_HUGEPAGE);
  const int64_t before = HugePages();
  UseHugePages({data, memory.bytes()});
  for (size_t i = 0; i < memory.bytes(); ++i) {
    ASSERT_EQ(data[i], static_cast<std::byte>(i / 4096 + i)) << i;
  }
  EXPECT_GE(HugePages() - before, static_cast<int64_t>(memory.bytes() / 2 / 1024));
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
  if (!SystemGathers(false)) GTEST_SKIP() << "no MADV_COLLAPSE: Linux before 6.1, or no memory";
  ExpectToBecomeHuge(MapZeros(16 * kMiB));
}

class SharedMemory : public testing::Test {
 protected:
  void SetUp() override {
    file_ = memfd_create("octet", MFD_CLOEXEC);
    ASSERT_GE(file_, 0);
    ASSERT_EQ(ftruncate(file_, kBytes), 0);
  }
  void TearDown() override { close(file_); }

  static constexpr size_t kBytes = 16 * kMiB + 5;
  int file_ = -1;
};

TEST_F(SharedMemory, IsSeenByAllWhoMapIt) {
  const Buffer one = MapShared(file_, kBytes);
  const Buffer other = MapShared(file_, kBytes);
  ASSERT_EQ(other.bytes(), kBytes);
  one.data()[kBytes - 1] = std::byte{7};
  EXPECT_EQ(other.data()[kBytes - 1], std::byte{7});
}

TEST_F(SharedMemory, BecomesHugeForAllWhoMapIt) {
  if (!SystemGathers(true)) GTEST_SKIP() << "no MADV_COLLAPSE: Linux before 6.1, or no memory";
  const Buffer one = MapShared(file_, kBytes);
  ExpectToBecomeHuge(MapShared(file_, kBytes));
  EXPECT_EQ(one.data()[kBytes - 1], static_cast<std::byte>((kBytes - 1) / 4096 + kBytes - 1));
}

}  // namespace
}  // namespace octet
