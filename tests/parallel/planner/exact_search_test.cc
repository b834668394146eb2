#include "parallel/planner/exact_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

// The least mean over steps of all placements' times.
double LeastMean(const StepMatrix& steps, const std::vector<int>& slots,
                 const std::vector<double>& speeds) {
  double least = 1e9;
  VisitPlacements(steps.num_experts(), slots, [&](const LayerRanks& ranks) {
    least = std::min(least, MeanTime(ranks, steps, speeds));
  });
  return least;
}

// Finds nothing below the best of all placements, and something just above it, in total and in
// single steps.
TEST(ExactSearch, KnowsTheBestOfAllPlacements) {
  std::mt19937 random(1);
  for (const auto& slots : {std::vector{2, 2, 2}, std::vector{3, 2, 1, 1}, std::vector{2, 2, 2, 1},
                            std::vector{1, 1, 2, 2}, std::vector{5, 2}}) {
    for (const bool unlike : {false, true}) {
      std::vector<double> speeds(slots.size(), 1);
      if (unlike) speeds[1] = 2.5;
      const LayerCounts layer = RandomLayer(5, 4, random);
      for (const StepMatrix& steps : {StepMatrix::OfTotal(layer), StepMatrix::OfSteps(layer)}) {
        const double least = LeastMean(steps, slots, speeds);
        LayerRanks better;
        ExactSearch search(steps, slots, speeds);
        EXPECT_EQ(search.FindBetter(least * (1 - 1e-9), 1e9, better), ExactSearch::Outcome::kNone);
        ASSERT_EQ(search.FindBetter(least * (1 + 1e-9), 1e9, better),
                  ExactSearch::Outcome::kBetter);
        EXPECT_NEAR(MeanTime(better, steps, speeds), least, 1e-9);
        std::vector<int> used(slots.size());
        for (const auto& ranks : better) {
          for (const int rank : ranks) ++used[rank];
        }
        for (size_t r = 0; r < slots.size(); ++r) EXPECT_LE(used[r], slots[r]);
      }
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
  ExactSearch search(StepMatrix::OfTotal(layer), slots, speeds);
  EXPECT_EQ(search.FindBetter(sum / 8 * 1.0001, 1000, better), ExactSearch::Outcome::kUnknown);
  EXPECT_FALSE(ExactSearch::CanSearch(8, 11, 1));
  EXPECT_FALSE(ExactSearch::CanSearch(33, 2, 1));
  EXPECT_FALSE(ExactSearch::CanSearch(8, 10, 10'000));
}

}  // namespace
}  // namespace octet
