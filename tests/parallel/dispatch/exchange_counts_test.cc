// ExchangeCounts against the plans, and against what real exchanges sent.

#include "parallel/dispatch/exchange_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <random>

#include "tests/parallel/dispatch/scaling_experts.h"
#include "tests/support/local_ranks.h"

namespace octet {
namespace {

// A random exchange: ranks, hosts, replicas, policy and routing follow from the seed.
struct RandomExchange {
  explicit RandomExchange(uint32_t seed)
      : random(seed),
        ranks(1 + static_cast<int>(random() % 12)),
        shape({.ranks = ranks,
               .experts = 8,
               .topk = 1 + static_cast<int>(random() % 3),
               .dtype = DType::kBF16,
               .policy = kReplicaPolicies[seed % kReplicaPolicies.size()].second}),
        placement(RandomReplicas(shape.experts, ranks, 3, random)),
        routing(shape.RandomRouting(seed)),
        names(HostsInTurn(ranks, 1 + static_cast<int>(random() % ranks))),
        hosts(names) {}

  std::mt19937 random;
  int ranks;
  ExchangeShape shape;
  ExpertPlacement placement;
  std::vector<Routing> routing;
  std::vector<std::string> names;
  HostTopology hosts;
};

TEST(ExchangeCounts, PeersExpertsAndOwnersAreThoseOfThePlans) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const RandomExchange e(seed);
    ExchangeCounts counts(e.placement, e.hosts, e.shape.policy);
    counts.Count(0, e.shape.RandomRouting(seed + 1000));  // leaves nothing behind
    counts.Count(0, e.routing);
    const auto owner_of = ChooseOwners(e.placement, e.hosts, e.shape.policy, 0, e.routing);
    std::vector<std::vector<int64_t>> rows(e.ranks, std::vector<int64_t>(e.shape.experts));
    for (int home = 0; home < e.ranks; ++home) {
      const SendPlan plan = PlanSend(e.routing[home], owner_of[home], home, e.hosts);
      std::vector<PeerTraffic> expected(e.ranks), counted(e.ranks);
      AddPeerTraffic(plan, e.hosts, home, expected);
      for (const ExchangeCounts::Peer& peer : counts.peers(home)) {
        EXPECT_EQ(counted[peer.rank], PeerTraffic()) << "twice";
        counted[peer.rank] = peer.traffic;
      }
      EXPECT_EQ(counted, expected) << "seed " << seed << ", home " << home;
      std::vector<int32_t> owners(counts.owners(home).begin(), counts.owners(home).end());
      std::ranges::sort(owners);
      std::vector<int32_t> planned;
      for (const OwnerPairs& owner : plan.owners) planned.push_back(owner.rank);
      std::ranges::sort(planned);
      EXPECT_EQ(owners, planned) << "seed " << seed << ", home " << home;
      for (size_t i = 0; i < owner_of[home].size(); ++i) {
        ++rows[owner_of[home][i]][e.routing[home].topk_idx[i]];
      }
    }
    for (int r = 0; r < e.ranks; ++r) {
      std::erase(rows[r], 0);
      const std::span<const int64_t> counted = counts.expert_rows(r);
      EXPECT_EQ(std::vector<int64_t>(counted.begin(), counted.end()), rows[r]) << seed;
    }
  }
}

// Messages of each kind, and the bytes that tell their sizes.
struct MessageCounts {
  std::array<int64_t, kNumTrafficKinds> messages = {};
  int64_t control_bytes = 0;

  bool operator==(const MessageCounts&) const = default;
};

std::ostream& operator<<(std::ostream& out, const MessageCounts& sent) {
  for (const int64_t n : sent.messages) out << n << " ";
  return out << "messages, " << sent.control_bytes << " B";
}

TEST(ExchangeCounts, MessagesAreThoseThatTheRanksSend) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const RandomExchange e(seed);
    ExchangeCounts counts(e.placement, e.hosts, e.shape.policy);
    counts.Count(0, e.routing);
    MessageCounts expected = {.control_bytes = counts.announced_bytes()};
    const auto of = [](MessageCounts& sent, Traffic kind) -> int64_t& {
      return sent.messages[static_cast<int>(kind)];
    };
    of(expected, Traffic::kControl) = counts.announcements();
    of(expected, Traffic::kRouting) = counts.letter_messages();
    of(expected, Traffic::kDispatch) = counts.row_messages();
    of(expected, Traffic::kCombine) = counts.return_messages();
    MessageCounts sent;
    std::mutex mutex;
    RunLocalRanks(e.names, [&](Communicator& comm) {
      ScalingRank rank(comm, e.placement, e.shape.Limits(), e.shape.policy);
      std::array<int64_t, kNumTrafficKinds> before;
      for (int k = 0; k < kNumTrafficKinds; ++k) {
        before[k] = comm.messages_sent(static_cast<Traffic>(k));
      }
      const int64_t control = comm.bytes_sent(Traffic::kControl);
      rank.ExpectRightLayer(e.routing[comm.rank()], seed);
      const std::lock_guard lock(mutex);
      for (int k = 0; k < kNumTrafficKinds; ++k) {
        sent.messages[k] += comm.messages_sent(static_cast<Traffic>(k)) - before[k];
      }
      sent.control_bytes += comm.bytes_sent(Traffic::kControl) - control;
    });
    EXPECT_EQ(sent, expected) << e.ranks << " ranks, seed " << seed;
  }
}

}  // namespace
}  // namespace octet
