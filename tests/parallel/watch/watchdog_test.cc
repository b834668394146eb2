// What ranks of one process say of one of them that stands still.

#include "parallel/watch/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/support/watched_ranks.h"

namespace octet {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class WatchdogTest : public WatchedRanksTest {
 protected:
  void Run(int size, const std::function<void(Communicator&)>& f) {
    WatchedRanksTest::Run(std::vector<std::string>(size, "this process"), f);
  }
};

TEST_F(WatchdogTest, ARankThatStandsStillIsNamedByAllOthers) {
  for (const int size : {2, 3, 8}) {
    const int culprit = size - 1;
    Run(size, [&](Communicator& comm) {
      AllGather(comm, {"start"}, "");
      if (comm.rank() == culprit) {
        WorkIn(comm, {"experts", 3});
        StandStill(size - 1);
      } else {
        AllGather(comm, {"combine", 3}, "");
      }
    });
    const std::string name = "rank " + std::to_string(culprit) + " on this process";
    EXPECT_THAT(statements_, SizeIs(size - 1));
    EXPECT_THAT(statements_,
                Each(AllOf(HasSubstr(name + " has made no progress for 0.4 s, last seen in experts "
                                            "of layer 3, missing from combine of layer 3"))));
  }
}

TEST_F(WatchdogTest, ASlowRankThatAdvancesIsWaitedFor) {
  Run(3, [&](Communicator& comm) {
    if (comm.rank() == 1) {
      for (int i = 0; i < 6; ++i) WorkIn(comm, {"attention", i});
    }
    AllGather(comm, {"routing", 6}, "");
  });
  EXPECT_THAT(statements_, IsEmpty());
}

TEST_F(WatchdogTest, ASlowRankIsReportedByOne) {
  testing::internal::CaptureStderr();
  Run(3, [&](Communicator& comm) {
    comm.watchdog().SetSlowAfter(kTimeout);
    AllGather(comm, {"start"}, "");
    if (comm.rank() == 1) {
      for (int i = 0; i < 6; ++i) WorkIn(comm, {"attention", 2});
    }
    AllGather(comm, {"routing", 2}, "");
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(statements_, IsEmpty());
  EXPECT_THAT(said, testing::ContainsRegex(
                        "^octet: rank 0: note: waiting for 0.4 s in routing of layer 2 for rank 1 "
                        "on this process, last seen in attention of layer 2, which makes "
                        "progress\noctet: rank 0: note: waiting for 0.8 s [^\n]*\n$"));
}

// A rank whose own thread only polls sends heartbeats, and is as stuck as if it sent none.
TEST_F(WatchdogTest, PollingIsNotProgress) {
  Run(2, [&](Communicator& comm) {
    if (comm.rank() == 0) AllGather(comm, {"routing", 0}, "");
    const auto end = std::chrono::steady_clock::now() + kTimeout + kSoon;
    while (comm.rank() == 1 && std::chrono::steady_clock::now() < end) {
      comm.watchdog().activity().Poll();
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_THAT(statements_, SizeIs(2)) << "and it hears of it itself";
  EXPECT_THAT(statements_, Each(HasSubstr("rank 1 on this process has made no progress")));
}

// 0 waits for 1 only, which waits for 2.
TEST_F(WatchdogTest, BlamePassesThroughARankThatWaits) {
  std::byte room[8];
  Run(3, [&](Communicator& comm) {
    std::vector<ConstBytes> send(3);
    std::vector<Bytes> recv(3);
    std::vector<std::byte> message(sizeof(room));
    AllGather(comm, {"start"}, "");
    if (comm.rank() == 2) return StandStill(2);
    recv[comm.rank() + 1] = room;
    if (comm.rank() == 0) {
      AllToAll(comm, Traffic::kControl, {"schedule"}, send, recv);
    } else {
      std::vector<std::byte> own_room(sizeof(room));
      recv[2] = own_room;
      AllToAll(comm, Traffic::kDispatch, {"dispatch", 1}, send, recv);
    }
  });
  EXPECT_THAT(statements_, SizeIs(2));
  EXPECT_THAT(statements_,
              Each(AllOf(HasSubstr("rank 2 on this process has made no progress"),
                         HasSubstr("missing from dispatch of layer 1, where rank 1 on this process "
                                   "waits for it"),
                         Not(HasSubstr("rank 1 on this process has made no")))));
}

// Who computes hears of it where it polls.
TEST_F(WatchdogTest, ARankThatComputesSaysItToo) {
  Run(3, [&](Communicator& comm) {
    AllGather(comm, {"start"}, "");
    if (comm.rank() == 0) AllGather(comm, {"routing", 5}, "");
    if (comm.rank() == 1) {
      for (int i = 0; i < 10; ++i) WorkIn(comm, {"experts", 4});
    }
    if (comm.rank() == 2) StandStill(2);
  });
  EXPECT_THAT(statements_, SizeIs(2));
  EXPECT_THAT(statements_, Each(HasSubstr("rank 2 on this process has made no progress")));
  EXPECT_THAT(statements_, testing::Contains(HasSubstr("(here: in experts of layer 4)")));
}

TEST_F(WatchdogTest, TimeInWhichARankDidNotListenIsNotHeldAgainstOthers) {
  Run(2, [&](Communicator& comm) {
    AllGather(comm, {"start"}, "");
    if (comm.rank() == 0) std::this_thread::sleep_for(kTimeout / 2);
    if (comm.rank() == 1) {
      std::this_thread::sleep_for(kTimeout / 2 + kTimeout * 3 / 4);  // less than the timeout alone
    }
    AllGather(comm, {"end"}, "");
  });
  EXPECT_THAT(statements_, IsEmpty());
}

TEST_F(WatchdogTest, RanksThatAllWaitAreEndedToo) {
  Run(2, [&](Communicator& comm) {
    std::vector<std::byte> room(8);
    std::vector<ConstBytes> send(2);
    std::vector<Bytes> recv(2);
    recv[1 - comm.rank()] = room;
    AllToAll(comm, Traffic::kControl, {"schedule"}, send, recv);
  });
  EXPECT_THAT(statements_, SizeIs(2));
  EXPECT_THAT(statements_, Each(testing::ContainsRegex("all ranks wait, and nothing has moved for "
                                                       "0.5 s; rank [01] on this process is "
                                                       "late, last seen in schedule, ")));
}

TEST_F(WatchdogTest, ItsCostIsCounted) {
  Run(2, [&](Communicator& comm) {
    WorkIn(comm, {"experts", 0});
    AllGather(comm, {"end"}, "");
    EXPECT_GT(comm.watchdog().cpu_seconds(), 0);
    EXPECT_LT(comm.watchdog().cpu_seconds(), 0.05);
  });
}

}  // namespace
}  // namespace octet
