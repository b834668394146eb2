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

// Few tied ranks are done by sets, many by flows; steps that fill no whole block count too.
TEST(BusiestRank, IsTheLeastInEachStep) {
  std::mt19937 random(2);
  for (const int num_ranks : {1, 2, 4, 8, 11, 12}) {
    const LayerCounts layer = RandomLayer(16, 37, random);
    const StepMatrix steps = StepMatrix::OfSteps(layer);
    const LayerRanks ranks = RandomRanks(16, num_ranks, random);
    const std::vector<double> speeds = RandomSpeeds(num_ranks, random);
    std::vector<double> times(37);
    BusiestRank busiest(speeds);
    busiest.Compute(ranks, steps, times);
    for (int s = 0; s < 37; ++s) {
      const auto step = layer.steps.begin() + static_cast<int64_t>(s) * 16;
      const std::vector<double> tokens(step, step + 16);
      EXPECT_NEAR(times[s], LeastTime(ranks, tokens, speeds), 1e-9) << num_ranks << " " << s;
    }
  }
}

}  // namespace
}  // namespace octet
