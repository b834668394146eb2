#include "parallel/planner/busiest_rank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

LayerRanks RandomRanks(int num_experts, int num_ranks, std::mt19937& random) {
  LayerRanks ranks;
  for (int e = 0; e < num_experts; ++e) {
    std::set<int32_t> of_expert;
    for (uint32_t i = 0; i <= random() % 3; ++i) {
      of_expert.insert(static_cast<int32_t>(random() % num_ranks));
    }
    ranks.emplace_back(of_expert.begin(), of_expert.end());
  }
  return ranks;
}

std::vector<double> RandomSpeeds(int num_ranks, std::mt19937& random) {
  std::vector<double> speeds(num_ranks, 1);
  if (random() % 2 == 0) return speeds;
  for (double& speed : speeds) speed = static_cast<double>(1 + random() % 4);
  return speeds;
}

TEST(ReplicaFlow, DividesAsWellAsAnyCutAllows) {
  std::mt19937 random(1);
  ReplicaFlow flow;
  for (int round = 0; round < 2000; ++round) {
    const int num_ranks = 1 + static_cast<int>(random() % 8);
    const int num_experts = 1 + static_cast<int>(random() % 12);
    const LayerRanks ranks = RandomRanks(num_experts, num_ranks, random);
    const std::vector<double> speeds = RandomSpeeds(num_ranks, random);
    std::vector<double> tokens;
    flow.Begin(speeds);
    for (int e = 0; e < num_experts; ++e) {
      tokens.push_back(static_cast<double>(random() % (round % 2 == 0 ? 4 : 1000)));
      flow.AddExpert(tokens.back(), ranks[e]);
    }
    EXPECT_NEAR(flow.Divide(), LeastTime(ranks, tokens, speeds), 1e-9);
  }
}

// Ranks whose critical set is known: rank 1 alone, with 9 of 12 tokens.
TEST(ReplicaFlow, NamesTheRanksThatBoundIt) {
  const std::vector<double> speeds = {1, 1, 1};
  ReplicaFlow flow;
  flow.Begin(speeds);
  flow.AddExpert(1, std::vector<int32_t>{0, 2});
  flow.AddExpert(5, std::vector<int32_t>{1});
  flow.AddExpert(4, std::vector<int32_t>{1});
  flow.AddExpert(2, std::vector<int32_t>{2});
  EXPECT_EQ(flow.Divide(), 9);
  EXPECT_THAT(flow.critical(), testing::ElementsAre(0, 1, 0));
}

// Long chains of ranks and experts, over which tokens move slowly.
TEST(ReplicaFlow, DividesOverChains) {
  std::mt19937 random(3);
  ReplicaFlow flow;
  for (int round = 0; round < 100; ++round) {
    const int num_ranks = 2 + static_cast<int>(random() % 11);
    const std::vector<double> speeds = RandomSpeeds(num_ranks, random);
    flow.Begin(speeds);
    LayerRanks ranks;
    std::vector<double> tokens;
    for (int e = 0; e + 1 < num_ranks; ++e) {
      tokens.push_back(e == 0 ? 10'000 : static_cast<double>(random() % 4));
      ranks.push_back({e, e + 1});
      flow.AddExpert(tokens.back(), ranks.back());
    }
    EXPECT_NEAR(flow.Divide(), LeastTime(ranks, tokens, speeds), 1e-6);
  }
}

// Few tied ranks or experts are done by sets, many by flows; steps that fill no whole block count
// too.
TEST(BusiestRank, IsTheLeastInEachStep) {
  std::mt19937 random(2);
  for (const auto& [num_experts, num_ranks] : {std::pair{16, 1},
                                               {16, 2},
                                               {16, 4},
                                               {16, 8},
                                               {16, 11},
                                               {16, 12},
                                               {4, 12},
                                               {10, 12},
                                               {2, 9}}) {
    const LayerCounts layer = RandomLayer(num_experts, 37, random);
    const StepMatrix steps = StepMatrix::OfSteps(layer);
    const LayerRanks ranks = RandomRanks(num_experts, num_ranks, random);
    const std::vector<double> speeds = RandomSpeeds(num_ranks, random);
    std::vector<double> times(37);
    BusiestRank busiest(speeds);
    busiest.Compute(ranks, steps, times);
    for (int s = 0; s < 37; ++s) {
      const auto step = layer.steps.begin() + static_cast<int64_t>(s) * num_experts;
      const std::vector<double> tokens(step, step + num_experts);
      EXPECT_NEAR(times[s], LeastTime(ranks, tokens, speeds), 1e-9) << num_ranks << " " << s;
    }
  }
}

}  // namespace
}  // namespace octet
