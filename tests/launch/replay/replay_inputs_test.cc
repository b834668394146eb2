// Clusters as files describe them, and of other numbers of ranks.

#include "launch/replay/replay_inputs.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

// Returns the ranks of each host.
std::string HostsWithRanks(const std::string& text, int ranks) {
  const absl::StatusOr<Cluster> cluster = ParseCluster(text);
  EXPECT_TRUE(cluster.ok()) << cluster.status();
  std::string hosts;
  const Cluster made = WithRanks(*cluster, ranks);
  for (const ClusterHosts& h : made.hosts()) {
    for (int i = 0; i < h.count(); ++i) absl::StrAppend(&hosts, h.ranks(), h.profile(), " ");
  }
  return hosts;
}

TEST(WithRanks, TakesTheFirstAndRepeatsTheLastHosts) {
  const std::string two_kinds =
      "hosts { count: 2 ranks: 4 profile: 'a' } hosts { ranks: 2 profile: 'b' }";
  EXPECT_EQ(HostsWithRanks(two_kinds, 0), "4a 4a 2b ");
  EXPECT_EQ(HostsWithRanks(two_kinds, 3), "3a ");
  EXPECT_EQ(HostsWithRanks(two_kinds, 4), "4a ");
  EXPECT_EQ(HostsWithRanks(two_kinds, 5), "4a 1a ");
  EXPECT_EQ(HostsWithRanks(two_kinds, 9), "4a 4a 1b ");
  EXPECT_EQ(HostsWithRanks(two_kinds, 15), "4a 4a 2b 2b 2b 1b ");
  EXPECT_EQ(HostsWithRanks("hosts { profile: 'a' }", 0), "1a ");
  EXPECT_EQ(HostsWithRanks("hosts { profile: 'a' }", 3), "1a 1a 1a ");
  EXPECT_EQ(HostsWithRanks("", 3), "");
}

TEST(ParseCluster, RefusesWhatNoHostHas) {
  const auto error = [](const std::string& text) {
    return std::string(ParseCluster(text).status().message());
  };
  EXPECT_EQ(error("hosts { count: -3 }"), " hosts 1: count: -3: must be from 0 to 65536");
  EXPECT_EQ(error("hosts { ranks: -1 }"), " hosts 1: ranks: -1: must be from 0 to 65536");
  EXPECT_EQ(error("hosts {} hosts { threads: 65537 }"),
            " hosts 2: threads: 65537: must be from 0 to 65536");
  EXPECT_EQ(error("hosts { speed: -0.5 }"),
            " hosts 1: speed: -0.5: must be 0 or a positive number");
  EXPECT_EQ(error("hosts { memory_gib: nan }"),
            " hosts 1: memory_gib: nan: must be 0 or a positive number");
  EXPECT_EQ(error("hosts { count: 65536 ranks: 64 }"),
            " its hosts have 4194304 ranks: at most 1048576");
  EXPECT_EQ(error("hosts { count: 65536 ranks: 16 }"), "");
}

}  // namespace
}  // namespace octet
