#include <gtest/gtest.h>

#include <chrono>

#include "parallel/transport/collectives.h"
#include "tests/parallel/transport/communicator_conformance.h"
#include "tests/support/local_ranks.h"

namespace octet {
namespace {

class LocalCommunicatorTest : public testing::TestWithParam<int> {};

TEST_P(LocalCommunicatorTest, MessagesArrive) { RunLocalRanks(GetParam(), CheckMessagesArrive); }
TEST_P(LocalCommunicatorTest, LongMessagesArrive) {
  RunLocalRanks(GetParam(), CheckLongMessagesArrive);
}
TEST_P(LocalCommunicatorTest, ExchangesOverlap) {
  RunLocalRanks(GetParam(), CheckExchangesOverlap);
}
TEST_P(LocalCommunicatorTest, TrafficIsCounted) {
  RunLocalRanks(GetParam(), CheckTrafficIsCounted);
}
TEST_P(LocalCommunicatorTest, Collectives) { RunLocalRanks(GetParam(), CheckCollectives); }
TEST_P(LocalCommunicatorTest, MessengerIsUsedAgain) {
  RunLocalRanks(GetParam(), CheckMessengerIsUsedAgain);
}
TEST_P(LocalCommunicatorTest, Groups) { RunLocalRanks(GetParam(), CheckGroups); }
TEST_P(LocalCommunicatorTest, GroupsOfTheSameRanks) {
  RunLocalRanks(GetParam(), CheckGroupsOfTheSameRanks);
}
TEST_P(LocalCommunicatorTest, Agreement) { RunLocalRanks(GetParam(), CheckAgreement); }

INSTANTIATE_TEST_SUITE_P(Ranks, LocalCommunicatorTest, testing::Values(1, 2, 3, 5, 8));

TEST(CommunicatorDeathTest, NamesTheRankThatIsLate) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto wait_for_rank_1 = [] {
    LocalWorld world(2);
    LocalCommunicator comm(world, 0);
    comm.set_timeout(std::chrono::milliseconds(50));
    std::byte room[8];
    const std::vector<ConstBytes> send(2);
    const std::vector<Bytes> recv = {{}, room};
    AllToAll(comm, Traffic::kDispatch, {"dispatch", 3}, send, recv);
  };
  EXPECT_DEATH(wait_for_rank_1(),
               "rank 1 on this process has made no progress .* never heard from, missing from "
               "dispatch of layer 3");
}

}  // namespace
}  // namespace octet
