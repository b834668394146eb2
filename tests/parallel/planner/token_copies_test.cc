#include "parallel/planner/token_copies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

TEST(CopyCounter, ByHand) {
  const std::vector<int> hosts = {0, 0, 1, 1};
  CopyCounter counter(hosts);
  // Experts 0 and 1 on rank 0, 2 on rank 1, 3 on rank 2.
  const LayerRanks ranks = {{0}, {0}, {1}, {2}};
  const auto count = [&](int a, int b) {
    return counter.Count(ranks, {.topk = 2, .experts = {a, b}, .tokens = {5}});
  };
  const TokenCopies together = count(0, 1);
  EXPECT_DOUBLE_EQ(together.ranks, 0.75);    // unless the home is rank 0
  EXPECT_DOUBLE_EQ(together.returns, 0.75);  // one row for the token
  EXPECT_DOUBLE_EQ(together.hosts, 0.5);
  const TokenCopies neighbours = count(0, 2);
  EXPECT_DOUBLE_EQ(neighbours.ranks, 1.5);
  EXPECT_DOUBLE_EQ(neighbours.returns, 1.5);
  EXPECT_DOUBLE_EQ(neighbours.hosts, 0.5);
  EXPECT_DOUBLE_EQ(count(1, 3).hosts, 1);
}

TEST(CopyCounter, ARankWithSomeOfTheExpertsReturnsARowForEach) {
  const std::vector<int> hosts = {0, 0};
  const TokenCopies copies =
      CopyCounter(hosts).Count({{0}, {0}, {1}}, {.topk = 3, .experts = {0, 1, 2}, .tokens = {1}});
  EXPECT_DOUBLE_EQ(copies.ranks, 1);      // from either home
  EXPECT_DOUBLE_EQ(copies.returns, 1.5);  // one row to home 0, two to home 1
}

TEST(CopyCounter, TokensOfTwoExpertsGoToAsFewRanksAsTheyCan) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    const LayerCounts layer = RandomLayer(6, 4, random);
    const int num_ranks = 1 + static_cast<int>(random() % 5);
    LayerRanks ranks;
    for (int e = 0; e < 6; ++e) {
      std::vector<int32_t>& of_expert = ranks.emplace_back();
      for (int r = 0; r < num_ranks; ++r) {
        if (random() % 3 == 0) of_expert.push_back(r);
      }
      if (of_expert.empty()) of_expert.push_back(static_cast<int32_t>(random() % num_ranks));
    }
    const std::vector<int> hosts(num_ranks);
    EXPECT_NEAR(CopyCounter(hosts).Count(ranks, layer.sets).ranks,
                ReferenceCopies(ranks, layer.sets, num_ranks), 1e-12);
  }
}

}  // namespace
}  // namespace octet
