#include "launch/statistics/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "launch/pages/page_numbers.h"

namespace octet {
namespace {

TEST(StatisticsTest, QuantilesLieBetweenSortedValues) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({4, 1}), 2.5);
  EXPECT_EQ(Median({9, 1, 2}), 2);
  EXPECT_EQ(Quantile({1, 2, 3, 4}, 0), 1);
  EXPECT_EQ(Quantile({1, 2, 3, 4}, 1), 4);
  EXPECT_DOUBLE_EQ(Quantile({10, 20, 30, 40, 50}, 0.95), 48);  // as numpy.quantile
}

// The logarithms are 0, 1 and 2 times log 2: mean log 2, standard error log 2 / sqrt 3, t 4.303.
TEST(StatisticsTest, ARatioHasAnIntervalOfItsPairs) {
  const std::vector<double> a = {1, 1, 1}, b = {1, 2, 4};
  const RatioEstimate ratio = RatioOfPairs(a, b);
  EXPECT_DOUBLE_EQ(ratio.ratio, 2);
  EXPECT_NEAR(ratio.low, 2 * std::pow(2, -4.303 / std::sqrt(3.0)), 1e-9);
  EXPECT_NEAR(ratio.high, 2 * std::pow(2, 4.303 / std::sqrt(3.0)), 1e-9);
  EXPECT_EQ(ratio.pairs, 3);
  EXPECT_FALSE(ratio.Separates());
}

// A drift that hits both of a pair says nothing about their ratio.
TEST(StatisticsTest, PairsAreComparedWithinThemselves) {
  const std::vector<double> a = {10, 20, 40}, b = {11, 22, 44};
  const RatioEstimate ratio = RatioOfPairs(a, b);
  EXPECT_NEAR(ratio.low, 1.1, 1e-9);
  EXPECT_NEAR(ratio.high, 1.1, 1e-9);
  EXPECT_TRUE(ratio.Separates());
  EXPECT_TRUE(RatioOfPairs(b, a).Separates());
}

TEST(StatisticsTest, OnePairHasNoInterval) {
  const std::vector<double> a = {2}, b = {3};
  const RatioEstimate ratio = RatioOfPairs(a, b);
  EXPECT_DOUBLE_EQ(ratio.ratio, 1.5);
  EXPECT_FALSE(ratio.has_interval());
  EXPECT_FALSE(ratio.Separates());
  EXPECT_EQ(IntervalOf(ratio), "1.500, no interval of one pair");
}

TEST(StatisticsTest, NumbersAreShort) {
  EXPECT_EQ(NumeralOf(0), "0");
  EXPECT_EQ(NumeralOf(1234567), "1234567");
  EXPECT_EQ(NumeralOf(123.456), "123.5");
  EXPECT_EQ(NumeralOf(0.012345), "0.01235");
  EXPECT_EQ(NumeralOf(-2), "-2.000");
  EXPECT_EQ(NumeralOf(1e9), "1.000e+09");
  EXPECT_EQ(PercentOf(0.1234), "12.3 %");
  EXPECT_EQ(PercentOf(-1e-9), "0.0 %");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(3'210'000), "3.21 MB");
}

}  // namespace
}  // namespace octet
