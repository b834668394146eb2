// Hosts and links, and ranks that share a host.

#include "runtime/replay/cluster_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/layer_profile.h"

namespace octet {
namespace {

using testing::HasSubstr;

constexpr ReplayedModel kModel = {.num_layers = 2, .num_experts = 4, .topk = 2, .hidden_size = 8};

std::vector<double> Ends(std::vector<SharedWork> works) {
  RunShared(works);
  std::vector<double> ends;
  for (const SharedWork& work : works) ends.push_back(work.end);
  return ends;
}

TEST(RunShared, OneRankTakesItsTime) {
  EXPECT_EQ(Ends({{.start = 2, .alone = 3, .together = 3}}), std::vector<double>{5});
}

// Together each is half as fast: when the short one is done, the other has half left.
TEST(RunShared, WhatIsLeftIsFasterAlone) {
  EXPECT_EQ(Ends({{.alone = 1, .together = 2}, {.alone = 2, .together = 4}}),
            (std::vector<double>{2, 3}));
}

TEST(RunShared, LateRanksFindTheHostTakenOrFree) {
  EXPECT_EQ(Ends({{.alone = 1, .together = 2}, {.start = 1, .alone = 2, .together = 4}}),
            (std::vector<double>{1, 3}));
  EXPECT_EQ(Ends({{.alone = 2, .together = 4}, {.start = 1, .alone = 1, .together = 2}}),
            (std::vector<double>{3, 3}));
}

TEST(RunShared, ThreeRanksOfWhichTwoWork) {
  const std::vector<double> ends = Ends({{.alone = 1, .together = 3},
                                         {.alone = 1, .together = 3},
                                         {.start = 100, .alone = 0, .together = 0}});
  EXPECT_EQ(ends, (std::vector<double>{2, 2, 100}));
}

TEST(RunShared, WorkOfNoTimeEndsAtOnce) {
  EXPECT_EQ(Ends({{.start = 4}, {.start = 4, .alone = 1, .together = 2}}),
            (std::vector<double>{4, 5}));
}

absl::StatusOr<ClusterModel> Make(const Cluster& cluster, const ExchangeProfile* exchange) {
  MachineProfile machine;
  *machine.add_layers() = LinearProfile(1, 1);
  *machine.add_layers() = LinearProfile(3, 3);
  return ClusterModel::Make(cluster, kModel, {{"node.txt", machine}}, exchange);
}

Cluster TwoKinds() {
  Cluster cluster;
  ClusterHosts& fast = *cluster.add_hosts();
  fast.set_profile("node.txt");
  fast.set_count(2);
  fast.set_ranks(3);
  ClusterHosts& slow = *cluster.add_hosts();
  slow.set_profile("node.txt");
  slow.set_count(1);
  slow.set_ranks(1);
  slow.set_speed(0.5);
  return cluster;
}

void AddMessage(bool same_host, int64_t bytes, double seconds, ExchangeProfile& exchange) {
  MessageTime& m = *exchange.add_messages();
  m.set_same_host(same_host);
  m.set_message_bytes(bytes);
  m.set_seconds(seconds);
}

TEST(ClusterModel, LinksAreAsMeasuredUnlessGiven) {
  ExchangeProfile exchange;
  AddMessage(true, 10, 1, exchange);
  AddMessage(true, 1010, 3, exchange);
  AddMessage(false, 500, 60, exchange);
  AddMessage(false, 10, 10, exchange);
  Cluster cluster = TwoKinds();
  const absl::StatusOr<ClusterModel> made = Make(cluster, &exchange);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->num_ranks(), 7);
  EXPECT_EQ(made->num_hosts(), 3);
  EXPECT_EQ(made->host_of(5), 1);
  EXPECT_EQ(made->same_host().latency, 1);
  EXPECT_DOUBLE_EQ(made->same_host().carry(510), 1);
  EXPECT_EQ(made->network().latency, 10);
  EXPECT_DOUBLE_EQ(made->network().carry(500), 50);
  cluster.mutable_network()->set_bytes_per_second(5);
  EXPECT_DOUBLE_EQ(Make(cluster, &exchange)->network().carry(20), 4);
  EXPECT_THAT(Make(cluster, nullptr).status().message(), HasSubstr("same_host"));
}

// Ranks 0 and 1 are on one host: each sends what it sends to rank 2.
TEST(ClusterModel, LinksBetweenHostsAreThoseOfAnExchangeOfAllWithAll) {
  ExchangeProfile exchange;
  AddMessage(true, 10, 1, exchange);
  AddMessage(false, 10, 2, exchange);
  for (const char* host : {"a", "a", "b"}) exchange.add_hosts(host);
  for (const auto& [bytes, seconds] : {std::pair(100, 3), {200, 4}, {1000, 34}}) {
    AllToAllTime& time = *exchange.add_all_to_all();
    time.set_message_bytes(bytes);
    time.set_seconds(seconds);
  }
  const absl::StatusOr<ClusterModel> made = Make(TwoKinds(), &exchange);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->network().latency, 2);
  EXPECT_DOUBLE_EQ(made->network().carry(200), 1);
  EXPECT_DOUBLE_EQ(made->network().carry(1200), 17);
  EXPECT_DOUBLE_EQ(made->network().carry(0), 0);
}

TEST(ClusterModel, HostsTakeTheProfileOfTheRanksThatWork) {
  Cluster cluster = TwoKinds();
  cluster.mutable_network()->set_bytes_per_second(1);
  cluster.mutable_same_host()->set_bytes_per_second(1);
  const absl::StatusOr<ClusterModel> made = Make(cluster, nullptr);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto norms = [](const PartCosts& costs) { return costs.Norms(10); };
  EXPECT_NEAR(made->host(0).Seconds(1, norms), 10, 1e-9);
  EXPECT_NEAR(made->host(0).Seconds(2, norms), 20, 1e-9);
  EXPECT_NEAR(made->host(0).Seconds(3, norms), 30, 1e-9);
  EXPECT_NEAR(made->host(0).Seconds(9, norms), 30, 1e-9);
  EXPECT_NEAR(made->host(2).Seconds(1, norms), 20, 1e-9);
}

// Unless the cluster says how many threads a rank has.
TEST(ClusterModel, HostsTakeTheThreadsOfTheProfileOfAsManyRanks) {
  MachineProfile machine;
  *machine.add_layers() = LinearProfile(1, 1);
  machine.mutable_layers(0)->set_threads(8);
  *machine.add_layers() = LinearProfile(2, 4);
  machine.mutable_layers(1)->set_threads(2);
  for (const auto& [ranks, threads] : {std::pair{1, 8}, std::pair{4, 2}, std::pair{6, 2}}) {
    Cluster cluster;
    ClusterHosts& hosts = *cluster.add_hosts();
    hosts.set_profile("node.txt");
    hosts.set_count(1);
    hosts.set_ranks(ranks);
    cluster.mutable_same_host()->set_bytes_per_second(1);
    const auto made = ClusterModel::Make(cluster, kModel, {{"node.txt", machine}}, nullptr);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->host(0).threads(), threads) << ranks;
  }
}

TEST(ClusterModel, AProfileOfAnotherModelIsRefused) {
  Cluster cluster;
  cluster.add_hosts()->set_profile("node.txt");
  MachineProfile machine;
  *machine.add_layers() = LinearProfile(1, 1, /*num_experts=*/8);
  EXPECT_THAT(
      ClusterModel::Make(cluster, kModel, {{"node.txt", machine}}, nullptr).status().message(),
      HasSubstr("node.txt has no layer of hidden size 8, 4 experts"));
  EXPECT_THAT(Make(Cluster(), nullptr).status().message(), HasSubstr("no hosts"));
}

}  // namespace
}  // namespace octet
