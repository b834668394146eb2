#include "parallel/planner/exact_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

// Finds nothing below the best of all placements, and something just above it.
TEST(ExactSearch, KnowsTheBestOfAllPlacements) {
  std::mt19937 random(1);
  for (const auto& slots : {std::vector{2, 2, 2}, std::vector{3, 2, 1, 1}, std::vector{2, 2, 2, 1},
                            std::vector{1, 1, 2, 2}, std::vector{5, 2}}) {
    for (const bool unlike : {false, true}) {
      std::vector<double> speeds(slots.size(), 1);
      if (unlike) speeds[1] = 2.5;
      const LayerCounts layer = RandomLayer(5, 4, random);
      const std::vector<double> tokens(layer.total.begin(), layer.total.end());
      double least = 1e9;
      VisitPlacements(5, slots, [&](const LayerRanks& ranks) {
        least = std::min(least, LeastTime(ranks, tokens, speeds));
      });
      LayerRanks better;
      ExactSearch search(layer.total, slots, speeds);
      EXPECT_EQ(search.FindBetter(least * (1 - 1e-9), 1'000'000, better),
                ExactSearch::Outcome::kNone);
      ASSERT_EQ(search.FindBetter(least * (1 + 1e-9), 1'000'000, better),
                ExactSearch::Outcome::kBetter);
      EXPECT_NEAR(LeastTime(better, tokens, speeds), least, 1e-9);
      std::vector<int> used(slots.size());
      for (const auto& ranks : better) {
        for (const int rank : ranks) ++used[rank];
      }
      for (size_t r = 0; r < slots.size(); ++r) EXPECT_LE(used[r], slots[r]);
    }
  }
}

TEST(ExactSearch, SaysWhenItHasNotSeenAll) {
  std::mt19937 random(2);
  const LayerCounts layer = RandomLayer(8, 4, random);
  const std::vector<int> slots(8, 2);
  const std::vector<double> speeds(8, 1);
  double sum = 0;
  for (const int64_t tokens : layer.total) sum += static_cast<double>(tokens);
  LayerRanks better;
  EXPECT_EQ(ExactSearch(layer.total, slots, speeds).FindBetter(sum / 8 * 1.0001, 3, better),
            ExactSearch::Outcome::kUnknown);
}

}  // namespace
}  // namespace octet
