#include "launch/statistics/rank_correlation.h"

#include <gtest/gtest.h>

#include <vector>

namespace octet {
namespace {

TEST(RankCorrelation, DependsOnTheOrderAlone) {
  EXPECT_DOUBLE_EQ(*RankCorrelation(std::vector<double>{1, 5, 100}, std::vector<double>{2, 3, 4}),
                   1);
  EXPECT_DOUBLE_EQ(*RankCorrelation(std::vector<double>{1, 5, 100}, std::vector<double>{4, 3, 2}),
                   -1);
}

// Ranks 0, 1.5, 1.5, 3, 4 beside 3, 0, 1.5, 1.5, 4.
TEST(RankCorrelation, EqualNumbersShareTheirMeanRank) {
  EXPECT_NEAR(
      *RankCorrelation(std::vector<double>{1, 2, 2, 4, 5}, std::vector<double>{3, 1, 2, 2, 9}),
      11.0 / 38, 1e-9);
}

TEST(RankCorrelation, OfNumbersWithoutOrderIsNone) {
  EXPECT_EQ(RankCorrelation(std::vector<double>{1, 1}, std::vector<double>{1, 2}), std::nullopt);
  EXPECT_EQ(RankCorrelation(std::vector<double>{1}, std::vector<double>{1}), std::nullopt);
  EXPECT_EQ(RankCorrelation({}, {}), std::nullopt);
}

}  // namespace
}  // namespace octet
