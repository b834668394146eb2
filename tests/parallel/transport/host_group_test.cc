#include "parallel/transport/host_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <cstring>

#include "tests/support/local_ranks.h"

namespace octet {
namespace {

using testing::ElementsAre;

TEST(HostGroup, RanksOfOneHostFindEachOther) {
  RunLocalRanks({"a", "b", "a", "c", "b", "a"}, [](Communicator& comm) {
    const HostGroup group = FindHostGroup(comm);
    switch (comm.rank()) {
      case 0:
      case 2:
      case 5:
        EXPECT_THAT(group.ranks, ElementsAre(0, 2, 5));
        break;
      case 3:
        EXPECT_THAT(group.ranks, ElementsAre(3));
        break;
      default:
        EXPECT_THAT(group.ranks, ElementsAre(1, 4));
    }
    EXPECT_EQ(group.ranks[group.index], comm.rank());
  });
}

TEST(HostMemory, IsOneOnEachHost) {
  std::barrier written(5);
  RunLocalRanks({"a", "b", "a", "b", "alone"}, [&](Communicator& comm) {
    constexpr size_t kBytes = (size_t{3} << 20) + 5;
    const HostGroup host = FindHostGroup(comm);
    const auto memory = MapHostMemory(comm, host, kBytes);
    ASSERT_TRUE(memory.ok()) << memory.status();
    ASSERT_EQ(memory->bytes(), kBytes);
    EXPECT_EQ(std::to_integer<int>(memory->data()[kBytes - 1]), 0);
    written.arrive_and_wait();
    // Each rank writes one byte, and sees those of its host's ranks alone.
    memory->data()[comm.rank()] = std::byte{7};
    written.arrive_and_wait();
    for (int r = 0; r < 5; ++r) {
      const bool same_host = comm.hosts()[r] == comm.hosts()[comm.rank()];
      EXPECT_EQ(std::to_integer<int>(memory->data()[r]), same_host ? 7 : 0);
    }
    written.arrive_and_wait();
  });
}

TEST(HostMemory, TooMuchIsAnErrorOnEveryRank) {
  RunLocalRanks({"a", "b", "a"}, [&](Communicator& comm) {
    const HostGroup host = FindHostGroup(comm);
    const auto memory = MapHostMemory(comm, host, size_t{1} << 62);
    EXPECT_EQ(memory.status().code(), absl::StatusCode::kResourceExhausted);
  });
}

}  // namespace
}  // namespace octet
