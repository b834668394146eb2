// What many ranks on several hosts, who hear of each other along the tree, say of one that stands
// still.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>

#include "parallel/transport/rank_tree.h"
#include "parallel/watch/watchdog.h"
#include "tests/support/watched_ranks.h"

namespace octet {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class WatchTreeTest : public WatchedRanksTest {
 protected:
  static constexpr int kRanks = 40;
  static constexpr int kRanksPerHost = 3;  // and a last host with one

  static std::vector<std::string> Hosts() {
    std::vector<std::string> hosts;
    for (int r = 0; r < kRanks; ++r) hosts.push_back("host" + std::to_string(r / kRanksPerHost));
    return hosts;
  }

  static std::string NameOf(int rank) {
    return "rank " + std::to_string(rank) + " on host" + std::to_string(rank / kRanksPerHost);
  }

  static std::string Stands(int rank) {
    return NameOf(rank) + " has made no progress for 0.[45] s, last seen in experts of layer 3";
  }

  void Run(const std::function<void(Communicator&)>& f) { WatchedRanksTest::Run(Hosts(), f); }

  // Those of `standing` stand still in experts of layer 3 until all others have ended; these wait
  // in combine.
  void RunWithStanding(const std::set<int>& standing) {
    Run([&](Communicator& comm) {
      if (standing.contains(comm.rank())) {
        WorkIn(comm, {"experts", 3});
        StandStill(kRanks - standing.size());
      } else {
        AllGather(comm, {"combine", 3}, "");
      }
    });
    EXPECT_THAT(statements_, SizeIs(kRanks - standing.size()));
  }

  static int CountLines(const std::string& text, const std::string& part) {
    std::istringstream lines(text);
    int count = 0;
    for (std::string line; std::getline(lines, line);) count += line.find(part) != line.npos;
    return count;
  }
};

TEST_F(WatchTreeTest, ARankThatStandsStillIsNamedByAllOthers) {
  for (const int culprit : {0, 6, 8, 39}) {  // the root, a host's first, its last, a host's only
    RunWithStanding({culprit});
    EXPECT_THAT(statements_, Each(testing::ContainsRegex("^" + Stands(culprit))));
  }
}

// All wait, and nothing moves: but one does not even say that it waits.
TEST_F(WatchTreeTest, ARankThatIsStoppedWhileItWaitsIsNamedToo) {
  struct Parent : PendingPeers {
    void Visit(Visitor visit) const override { visit({.rank = 6, .late = true, .moved = 0}); }
  };
  Run([&](Communicator& comm) {
    if (comm.rank() == 8) {
      const Parent parent;
      const Watchdog::Wait wait(comm.watchdog(), parent, 0);
      for (int i = 0; i < 50; ++i) {
        comm.watchdog().Poll();
        std::this_thread::sleep_for(1ms);
      }
      StandStill(kRanks - 1);
    } else {
      AllGather(comm, {"combine", 3}, "");
    }
  });
  EXPECT_THAT(statements_, SizeIs(kRanks - 1));
  EXPECT_THAT(statements_, Each(HasSubstr(NameOf(8) + " has made no progress for 0.4 s")));
}

// The first one that ends takes the others with it.
TEST_F(WatchTreeTest, AllHaveSpokenBeforeTheFirstOneEnds) {
  for (const int culprit : {6, 8}) {
    testing::internal::CaptureStderr();
    std::string said;
    on_first_end_ = [&] { said = testing::internal::GetCapturedStderr(); };
    RunWithStanding({culprit});
    EXPECT_EQ(CountLines(said, NameOf(culprit) + " has made no progress"), kRanks - 1);
  }
}

TEST_F(WatchTreeTest, ItSaysWhoMissesARankThatStandsStill) {
  RunWithStanding({8});
  EXPECT_THAT(statements_,
              Each(testing::ContainsRegex(Stands(8) + ", missing from combine of layer 3, where " +
                                          NameOf(6) + " waits for it \\(here: ")));
}

TEST_F(WatchTreeTest, AHostThatIsLostEndsAllOthers) {
  RunWithStanding({6, 7, 8});
  EXPECT_THAT(statements_, Each(AllOf(testing::ContainsRegex("^" + Stands(6)),
                                      HasSubstr(", and nothing is heard of the other 2 ranks of "
                                                "its host (here: "))));
}

// Whenever they say something they wait, too; only their progress shows that all goes on.
TEST_F(WatchTreeTest, RanksFarApartThatExchangeMessagesAreWaitedFor) {
  Run([](Communicator& comm) {
    if (comm.rank() == 8 || comm.rank() == 38) {
      std::byte mine = {};
      std::byte others = {};
      const std::vector<Outgoing> send = {{46 - comm.rank(), {&mine, 1}}};
      const std::vector<Incoming> recv = {{46 - comm.rank(), {&others, 1}}};
      const auto exchange = comm.MakeExchange();
      for (int64_t i = 0; i < 40; ++i) {
        std::this_thread::sleep_for(3 * kTimeout / 40);
        comm.Start(*exchange, {Traffic::kDispatch, {"dispatch", 1}, i}, send, recv);
        comm.Finish(*exchange);
      }
    }
    AllGather(comm, {"end"}, "");
  });
  EXPECT_THAT(statements_, IsEmpty());
}

// One subtree hears nothing of another: all between them are alive, and wait.
TEST_F(WatchTreeTest, RanksFarApartThatWaitForEachOtherEndAll) {
  Run([](Communicator& comm) {
    std::byte room[8];
    std::vector<ConstBytes> send(kRanks);
    std::vector<Bytes> recv(kRanks);
    if (comm.rank() == 8) recv[38] = room;
    if (comm.rank() == 38) recv[8] = room;
    if (comm.rank() == 8 || comm.rank() == 38) {
      AllToAll(comm, Traffic::kDispatch, {"dispatch", 1}, send, recv);
    }
    AllGather(comm, {"end"}, "");
  });
  EXPECT_THAT(statements_, SizeIs(kRanks));
  EXPECT_THAT(
      statements_,
      Each(testing::ContainsRegex("^all ranks wait, and nothing has moved for 0.[56] s; rank ")));
}

// What moves at one end of the tree is known at the other.
TEST_F(WatchTreeTest, ASlowRankThatAdvancesIsWaitedForByAll) {
  for (const int slow : {0, 8}) {
    Run([&](Communicator& comm) {
      if (comm.rank() == slow) WorkIn(comm, {"attention", 6}, 3 * kTimeout);
      AllGather(comm, {"routing", 6}, "");
    });
    EXPECT_THAT(statements_, IsEmpty());
  }
}

TEST_F(WatchTreeTest, ASlowRankIsReportedByOne) {
  for (const auto& [slow, reporter] : {std::pair(0, 1), {6, 0}, {8, 6}}) {
    testing::internal::CaptureStderr();
    Run([slow = slow](Communicator& comm) {
      comm.watchdog().SetSlowAfter(kTimeout);
      if (comm.rank() == slow) WorkIn(comm, {"attention", 2}, kTimeout + kTimeout / 2);
      AllGather(comm, {"routing", 2}, "");
    });
    EXPECT_THAT(statements_, IsEmpty());
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                testing::MatchesRegex("octet: rank " + std::to_string(reporter) +
                                      ": note: waiting for 0.4 s in routing of layer 2 for " +
                                      NameOf(slow) +
                                      ", last seen in attention of layer 2, which "
                                      "makes progress\n"));
  }
}

// Who waits for nobody judges, too, though later.
TEST_F(WatchTreeTest, ARankThatComputesNamesItsNeighbour) {
  Run([&](Communicator& comm) {
    if (comm.rank() == 8) return StandStill(kRanks - 1);
    if (comm.rank() == 6) WorkIn(comm, {"experts", 4}, kTimeout + kSoon);
    AllGather(comm, {"routing", 5}, "");
  });
  EXPECT_THAT(statements_, SizeIs(kRanks - 1));
  EXPECT_THAT(statements_, Each(HasSubstr(NameOf(8) + " has made no progress for 2.4 s")));
}

TEST_F(WatchTreeTest, CloseReturnsWhenAllHaveCome) {
  std::atomic<int> come = 0;
  Run([&](Communicator& comm) {
    if (comm.rank() % 13 == 8) WorkIn(comm, {"results"}, 2 * kTimeout);
    const Activity::Scope place(comm.watchdog().activity(), {"finalize"});
    ++come;
    comm.watchdog().Close();
    EXPECT_EQ(come, kRanks);
  });
  EXPECT_THAT(statements_, IsEmpty());
}

TEST_F(WatchTreeTest, ARankThatDoesNotComeToCloseIsNamedByAllOthers) {
  for (const int culprit : {0, 6, 8}) {
    Run([&](Communicator& comm) {
      if (comm.rank() == culprit) return StandStill(kRanks - 1);
      const Activity::Scope place(comm.watchdog().activity(), {"finalize"});
      comm.watchdog().Close();
    });
    EXPECT_THAT(statements_, SizeIs(kRanks - 1));
    EXPECT_THAT(statements_, Each(AllOf(HasSubstr(NameOf(culprit) + " has made no progress"),
                                        HasSubstr(", missing from finalize, where "))));
  }
}

// To whom a rank sends.
class Recipients : public HeartbeatChannel {
 public:
  explicit Recipients(std::set<int>& ranks) : ranks_(ranks) {}
  bool Send(int to, const Heartbeat&) override {
    ranks_.insert(to);
    return true;
  }
  bool Receive(int&, Heartbeat&) override { return false; }

 private:
  std::set<int>& ranks_;
};

std::set<int> RecipientsOf(int rank, const std::vector<std::string>& hosts) {
  std::set<int> recipients;
  Activity activity;
  Watchdog watchdog(activity, std::make_unique<Recipients>(recipients), rank, hosts,
                    RankTree(HostTopology(hosts), rank).Neighbours());
  std::this_thread::sleep_for(30ms);
  watchdog.Poll();
  return recipients;
}

TEST_F(WatchTreeTest, HeartbeatsGoToNeighboursOnly) {
  EXPECT_THAT(RecipientsOf(0, Hosts()),
              UnorderedElementsAre(1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39));
  EXPECT_THAT(RecipientsOf(6, Hosts()), UnorderedElementsAre(0, 7, 8));
  EXPECT_THAT(RecipientsOf(8, Hosts()), UnorderedElementsAre(6));
}

// A neighbour that has said nothing was in time before, and is not late at once.
TEST_F(WatchTreeTest, AShorterTimeoutCountsFromWhenItIsSet) {
  struct Child : PendingPeers {
    void Visit(Visitor visit) const override { visit({.rank = 1, .late = true, .moved = 0}); }
  };
  struct Ended {};
  std::set<int> recipients;
  Activity activity;
  Watchdog watchdog(activity, std::make_unique<Recipients>(recipients), 0,
                    std::vector<std::string>{"host", "host"},
                    {{.rank = 1, .is_parent = false, .ranks_beyond = 0}});
  watchdog.SetEndHandler([](const std::string&) { throw Ended(); });
  const Child child;
  const Watchdog::Wait wait(watchdog, child, 0);
  const auto poll_for = [&](Clock::duration time) {
    for (const auto end = Clock::now() + time; Clock::now() < end; watchdog.Poll()) {
      std::this_thread::sleep_for(1ms);
    }
  };
  EXPECT_NO_THROW(poll_for(kTimeout * 5 / 4));
  watchdog.SetTimeout(kTimeout);
  EXPECT_NO_THROW(poll_for(kTimeout / 2));
  EXPECT_THROW(poll_for(kTimeout), Ended);
}

TEST_F(WatchTreeTest, NeighboursKnowHowManyRanksAreBeyond) {
  for (int rank = 0; rank < kRanks; ++rank) {
    int ranks = 1;
    for (const TreeNeighbour& n : RankTree(HostTopology(Hosts()), rank).Neighbours()) {
      ranks += 1 + n.ranks_beyond;
    }
    EXPECT_EQ(ranks, kRanks);
  }
}

}  // namespace
}  // namespace octet
