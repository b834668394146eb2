// What an exchange sends, and what it reserves.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <random>
#include <set>

#include "parallel/dispatch/peer_traffic.h"
#include "tests/parallel/dispatch/scaling_experts.h"
#include "tests/support/local_ranks.h"

namespace octet {
namespace {

struct Traffics {
  int64_t routing = 0;
  int64_t dispatch = 0;
  int64_t combine = 0;
  int64_t dispatch_in_place = 0;
  int64_t combine_in_place = 0;

  bool operator==(const Traffics&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Traffics& t) {
  return out << "routing " << t.routing << ", dispatch " << t.dispatch << " and "
             << t.dispatch_in_place << " in place, combine " << t.combine << " and "
             << t.combine_in_place << " in place";
}

constexpr DType kRowTypes[] = {DType::kF32, DType::kBF16, DType::kInt8Blocks};

// By the definition: a token's row goes once to each other host that needs it, after 12 bytes for
// each of its slots there, and 20 for each owner. One float32 row comes back for each slot, or for
// all where one rank had them. Within a host rows are read in place, once by each other rank.
Traffics Formula(const ExchangeShape& shape, const std::vector<std::string>& hosts, int home,
                 std::span<const int32_t> owner_of) {
  const auto row = static_cast<int64_t>(RowBytes(shape.dtype, kScaledHidden));
  Traffics t;
  std::set<int> remote_owners;
  for (int64_t token = 0; token < std::ssize(owner_of) / shape.topk; ++token) {
    std::multiset<int> owners;
    std::set<std::string> remote_hosts;
    for (int64_t i = token * shape.topk; i < (token + 1) * shape.topk; ++i) {
      const int owner = owner_of[i];
      owners.insert(owner);
      if (hosts[owner] == hosts[home]) continue;
      remote_hosts.insert(hosts[owner]);
      remote_owners.insert(owner);
      t.routing += 12;
    }
    t.dispatch += row * std::ssize(remote_hosts);
    for (const int owner : std::set<int>(owners.begin(), owners.end())) {
      const auto slots = static_cast<int64_t>(owners.count(owner));
      const int64_t back = kScaledHidden * 4 * (slots == shape.topk ? 1 : slots);
      if (hosts[owner] != hosts[home]) {
        t.combine += back;
      } else if (owner != home) {
        t.dispatch_in_place += row;
        t.combine_in_place += back;
      }
    }
  }
  t.routing += 20 * std::ssize(remote_owners);
  return t;
}

TEST(Traffic, IsWhatTheFormulaSaysOnRandomPlacements) {
  std::mt19937 random(1);
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const int ranks = 1 + static_cast<int>(random() % 12);
    const int topk = 1 + static_cast<int>(random() % 3);
    const ExchangeShape shape = {.ranks = ranks,
                                 .experts = 8,
                                 .topk = topk,
                                 .dtype = kRowTypes[seed % 3],
                                 .policy = kReplicaPolicies[seed % kReplicaPolicies.size()].second};
    const ExpertPlacement placement = RandomReplicas(shape.experts, ranks, 3, random);
    const std::vector<Routing> routing = shape.RandomRouting(seed);
    const auto hosts = HostsInTurn(ranks, 1 + static_cast<int>(random() % ranks));
    const auto owner_of = ChooseOwners(placement, HostTopology(hosts), shape.policy, 0, routing);
    Traffics expected;
    for (int home = 0; home < ranks; ++home) {
      const Traffics t = Formula(shape, hosts, home, owner_of[home]);
      expected.routing += t.routing;
      expected.dispatch += t.dispatch;
      expected.combine += t.combine;
      expected.dispatch_in_place += t.dispatch_in_place;
      expected.combine_in_place += t.combine_in_place;
    }
    Traffics counted;
    std::mutex mutex;
    RunLocalRanks(hosts, [&](Communicator& comm) {
      ScalingRank rank(comm, placement, shape.Limits(), shape.policy);
      rank.ExpectRightLayer(routing[comm.rank()], seed);
      const std::lock_guard lock(mutex);
      counted.routing += comm.bytes_sent(Traffic::kRouting);
      counted.dispatch += comm.bytes_sent(Traffic::kDispatch);
      counted.combine += comm.bytes_sent(Traffic::kCombine);
      counted.dispatch_in_place += comm.bytes_read_in_place(Traffic::kDispatch);
      counted.combine_in_place += comm.bytes_read_in_place(Traffic::kCombine);
    });
    EXPECT_EQ(counted, expected) << ranks << " ranks, seed " << seed;
  }
}

// The bytes of rows that `rank` sends and lets others read: to the peers of its own tokens, and
// home to those whose peer it is. traffic: [homes, ranks].
Traffics OfRank(const std::vector<std::vector<PeerTraffic>>& traffic, int rank, int64_t row_bytes) {
  Traffics t;
  for (const PeerTraffic& peer : traffic[rank]) {
    t.routing += peer.letter_bytes;
    t.dispatch += peer.rows_sent * row_bytes;
    t.dispatch_in_place += peer.rows_in_place * row_bytes;
  }
  for (const std::vector<PeerTraffic>& peers : traffic) {
    t.combine += peers[rank].returns_sent * kScaledHidden * 4;
    t.combine_in_place += peers[rank].returns_in_place * kScaledHidden * 4;
  }
  return t;
}

TEST(Traffic, OfPeersIsWhatEachRanksCommunicatorCounts) {
  std::mt19937 random(2);
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const int ranks = 1 + static_cast<int>(random() % 12);
    const ExchangeShape shape = {.ranks = ranks,
                                 .experts = 8,
                                 .topk = 1 + static_cast<int>(random() % 3),
                                 .dtype = kRowTypes[seed % 3]};
    const ExpertPlacement placement = RandomReplicas(shape.experts, ranks, 3, random);
    const std::vector<Routing> routing = shape.RandomRouting(seed);
    const auto hosts = HostsInTurn(ranks, 1 + static_cast<int>(random() % ranks));
    const HostTopology topology(hosts);
    const auto owner_of = ChooseOwners(placement, topology, shape.policy, 0, routing);
    std::vector<std::vector<PeerTraffic>> traffic(ranks, std::vector<PeerTraffic>(ranks));
    for (int home = 0; home < ranks; ++home) {
      AddPeerTraffic(PlanSend(routing[home], owner_of[home], home, topology), topology, home,
                     traffic[home]);
    }
    const auto row_bytes = static_cast<int64_t>(RowBytes(shape.dtype, kScaledHidden));
    RunLocalRanks(hosts, [&](Communicator& comm) {
      ScalingRank rank(comm, placement, shape.Limits());
      rank.ExpectRightLayer(routing[comm.rank()], seed);
      const Traffics counted = {.routing = comm.bytes_sent(Traffic::kRouting),
                                .dispatch = comm.bytes_sent(Traffic::kDispatch),
                                .combine = comm.bytes_sent(Traffic::kCombine),
                                .dispatch_in_place = comm.bytes_read_in_place(Traffic::kDispatch),
                                .combine_in_place = comm.bytes_read_in_place(Traffic::kCombine)};
      EXPECT_EQ(OfRank(traffic, comm.rank(), row_bytes), counted)
          << "rank " << comm.rank() << " of " << ranks << ", seed " << seed;
    });
  }
}

// What a rank sends in one layer.
struct Sent {
  int64_t messages = 0;
  int64_t metadata_bytes = 0;

  bool operator==(const Sent&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Sent& sent) {
  return out << sent.messages << " messages, " << sent.metadata_bytes << " B of metadata";
}

Sent SentBy(const Communicator& comm) {
  Sent sent;
  for (int kind = 0; kind < kNumTrafficKinds; ++kind) {
    sent.messages += comm.messages_sent(static_cast<Traffic>(kind));
  }
  sent.metadata_bytes = comm.bytes_sent(Traffic::kControl) + comm.bytes_sent(Traffic::kRouting);
  return sent;
}

// One expert, and as many tokens, on each rank; hosts of 8 ranks. A token's experts are drawn from
// all ranks.
struct ManyRanks {
  static constexpr int kRanksOfHost = 8;
  static constexpr int64_t kTokens = 4;

  explicit ManyRanks(int ranks)
      : shape({.ranks = ranks,
               .experts = ranks,
               .topk = 2,
               .placement = "contiguous",
               .dtype = DType::kBF16,
               .max_tokens = kTokens}),
        placement(shape.MakePlacement()) {
    for (int r = 0; r < ranks; ++r) hosts.push_back(std::to_string(r / kRanksOfHost));
  }

  Routing RoutingOf(int rank) const {
    std::mt19937 random(static_cast<uint32_t>(rank));
    Routing routing = {.num_tokens = kTokens, .topk = shape.topk};
    for (int64_t t = 0; t < kTokens; ++t) {
      const auto first = static_cast<int32_t>(random() % shape.ranks);
      const auto step = 1 + static_cast<int32_t>(random() % (shape.ranks - 1));
      routing.topk_idx.insert(routing.topk_idx.end(), {first, (first + step) % shape.ranks});
      routing.topk_weights.insert(routing.topk_weights.end(), {0.75F, 0.25F});
    }
    return routing;
  }

  ExchangeShape shape;
  ExpertPlacement placement;
  std::vector<std::string> hosts;
};

// What each rank sends, counted while all of them run.
std::vector<Sent> CountSent(const ManyRanks& many) {
  std::vector<Sent> sent(many.shape.ranks);
  RunLocalRanks(many.hosts, [&](Communicator& comm) {
    ScalingRank rank(comm, many.placement, many.shape.Limits());
    const Sent before = SentBy(comm);
    rank.ExpectRightLayer(many.RoutingOf(comm.rank()), 1);
    Sent after = SentBy(comm);
    sent[comm.rank()] = {after.messages - before.messages,
                         after.metadata_bytes - before.metadata_bytes};
  });
  return sent;
}

// The same, from the plans alone.
std::vector<Sent> ComputeSent(const ManyRanks& many) {
  const HostTopology hosts(many.hosts);
  std::vector<Sent> sent(many.shape.ranks);
  std::vector<Routing> routing;
  for (int r = 0; r < many.shape.ranks; ++r) routing.push_back(many.RoutingOf(r));
  const auto owner_of = ChooseOwners(many.placement, hosts, many.shape.policy, 0, routing);
  std::vector<std::vector<Parcel>> held(hosts.num_hosts());
  for (int home = 0; home < many.shape.ranks; ++home) {
    const SendPlan plan = PlanSend(routing[home], owner_of[home], home, hosts);
    for (const SendPlan::Host& host : plan.hosts) {
      const Parcel parcel = plan.ParcelTo(host, home);
      held[hosts.host_of(home)].push_back(parcel);
      sent[home].messages += 2;  // the letter and the tokens
      sent[home].metadata_bytes += static_cast<int64_t>(parcel.letter_bytes());
      for (const OwnerPairs& owner : plan.LetterTo(host).owners) ++sent[owner.rank].messages;
    }
  }
  for (int step = 1; step < hosts.num_hosts(); step *= 2) {
    std::vector<std::vector<Parcel>> next(hosts.num_hosts());
    for (int h = 0; h < hosts.num_hosts(); ++h) {
      int64_t leave = 0;
      for (const Parcel& parcel : held[h]) {
        const int distance = (parcel.host - h + hosts.num_hosts()) % hosts.num_hosts();
        const bool leaves = (distance & step) != 0;
        leave += leaves ? 1 : 0;
        next[leaves ? (h + step) % hosts.num_hosts() : h].push_back(parcel);
      }
      ++sent[hosts.ranks_of(h)[0]].messages;
      sent[hosts.ranks_of(h)[0]].metadata_bytes += (1 + leave) * 20;
    }
    held = std::move(next);
  }
  return sent;
}

// With the tokens and experts of a rank fixed, nothing grows faster than the logarithm of the
// number of ranks and the number of owners that a rank's tokens have.
TEST(Traffic, OfARankHardlyGrowsWithTheRanks) {
  constexpr int64_t kMostOwners = 2 * ManyRanks::kTokens;
  for (const int ranks : {16, 64, 256, 1024, 4096}) {
    const ManyRanks many(ranks);
    const std::vector<Sent> sent = ComputeSent(many);
    if (ranks <= 64) {
      EXPECT_EQ(CountSent(many), sent);
    }
    const int64_t hosts = ranks / ManyRanks::kRanksOfHost;
    const auto steps = static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(hosts - 1)));
    Sent most;
    for (const Sent& s : sent) {
      most.messages = std::max(most.messages, s.messages);
      most.metadata_bytes = std::max(most.metadata_bytes, s.metadata_bytes);
    }
    // Letters and tokens to as many hosts as there are owners; returns to homes, of which by chance
    // a rank may serve more than others do; in each step half of what a host sends passes, and by
    // chance more.
    EXPECT_LE(most.messages, 2 * kMostOwners + 3 * kMostOwners + steps) << ranks << " ranks";
    EXPECT_LE(most.metadata_bytes,
              kMostOwners * 32 + steps * 20 * (1 + ManyRanks::kRanksOfHost * kMostOwners))
        << ranks << " ranks";
  }
}

TEST(Traffic, MemoryOfARankHardlyGrowsWithTheRanks) {
  const DispatchLimits limits = {
      .max_tokens = 256, .hidden_size = 4096, .topk = 2, .dtype = DType::kBF16};
  const auto bytes_of_a_rank = [&](int ranks) {
    const HostBoard board(HostTopology(ManyRanks(ranks).hosts), 0, limits, 8);
    return static_cast<int64_t>(board.bytes()) / ManyRanks::kRanksOfHost;
  };
  const int64_t few = bytes_of_a_rank(16);
  EXPECT_GT(few, 256 * 4096 * 2);
  EXPECT_LE(few, int64_t{64} << 20);
  for (const int ranks : {64, 256, 1024, 4096}) EXPECT_LE(bytes_of_a_rank(ranks), few + few / 100);
}

}  // namespace
}  // namespace octet
