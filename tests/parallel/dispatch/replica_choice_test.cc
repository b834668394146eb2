#include "parallel/dispatch/replica_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

#include "launch/bench/expert_calls_file.h"
#include "tests/parallel/dispatch/scaling_experts.h"
#include "tests/support/local_ranks.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::Each;
using testing::ElementsAre;

// One layer in which expert e is on ranks[e].
ExpertPlacement PlacementOf(const std::vector<std::vector<int>>& ranks, int num_ranks) {
  Placement proto;
  LayerPlacement& layer = *proto.add_layers();
  for (const std::vector<int>& of_expert : ranks) {
    ExpertRanks& expert = *layer.add_experts();
    for (const int rank : of_expert) expert.add_ranks(rank);
  }
  return *ExpertPlacement::FromProto(proto, {1, static_cast<int>(ranks.size()), num_ranks});
}

// Tokens that need these experts, one each.
Routing TopOne(const std::vector<int32_t>& experts) {
  return {.num_tokens = std::ssize(experts),
          .topk = 1,
          .topk_idx = experts,
          .topk_weights = std::vector<float>(experts.size(), 1)};
}

std::vector<int64_t> RankLoads(const std::vector<std::vector<int32_t>>& owner_of) {
  std::vector<int64_t> loads(owner_of.size());
  for (const auto& of_home : owner_of) {
    for (const int32_t rank : of_home) ++loads[rank];
  }
  return loads;
}

TEST(ReplicaChoice, EveryPolicyChoosesAnOwner) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const ExchangeShape shape = {.ranks = 1 + static_cast<int>(random() % 9),
                                 .experts = 8,
                                 .topk = 1 + static_cast<int>(random() % 3)};
    const ExpertPlacement placement = RandomReplicas(shape.experts, shape.ranks, 4, random);
    const HostTopology hosts(HostsInTurn(shape.ranks, 1 + static_cast<int>(random() % 3)));
    const std::vector<Routing> routing = shape.RandomRouting(round);
    for (const auto& [name, policy] : kReplicaPolicies) {
      const auto owner_of = ChooseOwners(placement, hosts, policy, 0, routing);
      for (int home = 0; home < shape.ranks; ++home) {
        ASSERT_EQ(owner_of[home].size(), routing[home].topk_idx.size());
        for (size_t i = 0; i < owner_of[home].size(); ++i) {
          const int expert = routing[home].topk_idx[i];
          const int owner = owner_of[home][i];
          EXPECT_TRUE(placement.Owns(0, expert, owner)) << name;
          const auto ranks = placement.ranks(0, expert);
          const bool is_near = std::any_of(ranks.begin(), ranks.end(), [&](int rank) {
            return hosts.host_of(rank) == hosts.host_of(home);
          });
          if (policy == ReplicaPolicy::kInTurn || !is_near) continue;
          EXPECT_EQ(hosts.host_of(owner), hosts.host_of(home)) << name;
        }
      }
    }
  }
}

TEST(ReplicaChoice, NearestIsOnTheOwnRankThenOnTheHost) {
  const ExpertPlacement placement = PlacementOf({{0, 1, 2}, {1, 2, 3}, {2, 3}}, 4);
  const HostTopology hosts(std::vector<std::string>{"a", "a", "b", "b"});
  const std::vector<Routing> routing(4, TopOne({0, 1, 2, 2}));
  const auto owner_of = ChooseOwners(placement, hosts, ReplicaPolicy::kNearest, 0, routing);
  EXPECT_THAT(owner_of[0], ElementsAre(0, 1, 2, 3));  // the last two in turn
  EXPECT_THAT(owner_of[1], ElementsAre(1, 1, 3, 2));
  EXPECT_THAT(owner_of[2], ElementsAre(2, 2, 2, 2));
}

TEST(ReplicaChoice, EvenKeepsWhatItCanOnTheOwnRank) {
  const ExpertPlacement placement = PlacementOf({{0, 1}, {0, 1}}, 2);
  const HostTopology hosts(std::vector<std::string>{"a", "a"});
  const std::vector<Routing> routing = {TopOne({0, 0, 1, 1, 1, 1}), TopOne({0, 1})};
  const auto owner_of = ChooseOwners(placement, hosts, ReplicaPolicy::kEven, 0, routing);
  EXPECT_THAT(RankLoads(owner_of), ElementsAre(4, 4));
  EXPECT_EQ(std::count(owner_of[0].begin(), owner_of[0].end(), 0), 4);
  EXPECT_THAT(owner_of[1], Each(1));
}

// Both slots of a token go to one rank where the shares allow it.
TEST(ReplicaChoice, EvenKeepsATokenTogether) {
  const ExpertPlacement placement = PlacementOf({{0, 1}, {0, 1}}, 3);
  const HostTopology hosts(std::vector<std::string>{"a", "a", "a"});
  std::vector<Routing> routing(3, {.num_tokens = 0, .topk = 2});
  routing[2] = {.num_tokens = 4,
                .topk = 2,
                .topk_idx = {0, 1, 1, 0, 0, 1, 1, 0},
                .topk_weights = std::vector<float>(8, 0.5F)};
  const auto owner_of = ChooseOwners(placement, hosts, ReplicaPolicy::kEven, 0, routing);
  EXPECT_THAT(RankLoads(owner_of), ElementsAre(4, 4, 0));
  for (int token = 0; token < 4; ++token) {
    EXPECT_EQ(owner_of[2][2 * token], owner_of[2][2 * token + 1]);
  }
}

// The tokens of each expert in each call, most first.
std::vector<std::vector<int64_t>> ReadCalls(const std::string& path) {
  const auto read = ParseExpertCalls(ReadFile(path), path, /*num_experts=*/8, /*topk=*/2);
  EXPECT_TRUE(read.ok()) << read.status();
  std::vector<std::vector<int64_t>> calls;
  for (const ExpertCall& call : read.value()) calls.emplace_back(call.tokens).resize(8);
  return calls;
}

// The least that the busiest rank can have: all tokens of some ranks' experts that are nowhere
// else.
int64_t LeastMaximum(const ExpertPlacement& placement, const std::vector<int64_t>& expert_tokens) {
  int64_t least = 0;
  for (uint32_t set = 1; set < 1U << placement.num_ranks(); ++set) {
    int64_t rows = 0;
    for (int e = 0; e < placement.num_experts(); ++e) {
      const auto ranks = placement.ranks(0, e);
      const bool must = std::all_of(ranks.begin(), ranks.end(),
                                    [set](int32_t rank) { return (set >> rank & 1) != 0; });
      if (must) rows += expert_tokens[e];
    }
    const int64_t size = std::popcount(set);
    least = std::max(least, (rows + size - 1) / size);
  }
  return least;
}

// Pairs with these totals, dealt to homes at random.
std::vector<Routing> DealOut(const std::vector<int64_t>& expert_tokens, int homes,
                             std::mt19937& random) {
  std::vector<int32_t> pairs;
  for (size_t e = 0; e < expert_tokens.size(); ++e) {
    pairs.insert(pairs.end(), expert_tokens[e], static_cast<int32_t>(e));
  }
  std::shuffle(pairs.begin(), pairs.end(), random);
  std::vector<Routing> routing;
  for (int64_t home = 0; home < homes; ++home) {
    const auto begin = pairs.begin() + home * std::ssize(pairs) / homes;
    const auto end = pairs.begin() + (home + 1) * std::ssize(pairs) / homes;
    routing.push_back(TopOne({begin, end}));
  }
  return routing;
}

// Eight ranks with two slots each.
TEST(ReplicaChoice, RealLoadsAreAsEvenAsAnyChoiceCouldMakeThem) {
  const auto directory = OraclePath("mixtral_load/zendnn/");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the balance of replicas on real loads");
  const HostTopology hosts(std::vector<std::string>(8, "a"));
  std::mt19937 random(5);
  for (const char* name :
       {"prompt_bs8", "prompt_bs32", "decode_bs8", "decode_bs16", "decode_bs32"}) {
    const auto calls = ReadCalls(*directory + "mixtral_moe_" + name + "_fused_profiled.txt");
    ASSERT_GE(calls.size(), 32U) << name;
    for (std::vector<int64_t> expert_tokens : calls) {
      std::shuffle(expert_tokens.begin(), expert_tokens.end(), random);  // which is which is lost
      std::vector<std::vector<int>> ranks(8);
      const int step = 1 + static_cast<int>(random() % 7);
      for (int e = 0; e < 8; ++e) ranks[e] = {e, (e + step) % 8};
      const ExpertPlacement placement = PlacementOf(ranks, 8);
      const auto owner_of = ChooseOwners(placement, hosts, ReplicaPolicy::kEven, 0,
                                         DealOut(expert_tokens, 8, random));
      const std::vector<int64_t> loads = RankLoads(owner_of);
      EXPECT_EQ(*std::max_element(loads.begin(), loads.end()),
                LeastMaximum(placement, expert_tokens))
          << name;
    }
  }
}

}  // namespace
}  // namespace octet
