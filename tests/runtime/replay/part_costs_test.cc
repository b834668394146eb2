// The times of parts between and beyond those that were measured.

#include "runtime/replay/part_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/layer_profile.h"

namespace octet {
namespace {

TEST(Piecewise, GoesInStraightLinesThroughMedians) {
  Piecewise f;
  f.Add(10, 5);
  f.Add(20, 6);
  f.Add(20, 10);
  f.Add(20, 7);
  f.Add(40, 17);
  f.Finish();
  EXPECT_DOUBLE_EQ(f(10), 5);
  EXPECT_DOUBLE_EQ(f(15), 6);
  EXPECT_DOUBLE_EQ(f(20), 7);
  EXPECT_DOUBLE_EQ(f(30), 12);
  EXPECT_DOUBLE_EQ(f(60), 27);
  EXPECT_DOUBLE_EQ(f(0), 5) << "before the first point it is constant";
}

TEST(Piecewise, IsNeverNegativeAndTakesTheMiddleOfTwo) {
  Piecewise f;
  f.Add(1, 8);
  f.Add(1, 4);
  f.Add(2, 2);
  f.Finish();
  EXPECT_DOUBLE_EQ(f(1), 6);
  EXPECT_DOUBLE_EQ(f(3), 0);
}

TEST(PartCosts, AreThoseOfTheProfile) {
  const absl::StatusOr<PartCosts> costs = PartCosts::FromProfile(LinearProfile(0.5));
  ASSERT_TRUE(costs.ok()) << costs.status();
  EXPECT_NEAR(costs->Norms(7), 3.5, 1e-9);
  EXPECT_NEAR(costs->Router(300), 150, 1e-9);
  EXPECT_NEAR(costs->Head(3), 1.5, 1e-9);
  EXPECT_EQ(costs->Sampling(0), 0);
  EXPECT_NEAR(costs->Experts(std::vector<int64_t>{3, 0, 50}), 26.5, 1e-9);
  EXPECT_NEAR(costs->Attention({.tokens = 5, .decoding = 5, .decoding_positions = 200}), 3.5, 1e-9);
  EXPECT_NEAR(costs->Attention({.tokens = 50, .prompt_positions = 1000}), 30, 1e-9);
  EXPECT_NEAR(
      costs->Attention(
          {.tokens = 60, .decoding = 10, .decoding_positions = 500, .prompt_positions = 1000}),
      37.5, 1e-9);
  EXPECT_EQ(costs->Attention({}), 0);
  // In the last layer, what the other tokens see does not count.
  EXPECT_NEAR(costs->LastAttention({.tokens = 2, .last_tokens = 1, .prompt_positions = 99}), 1.02,
              1e-9);
  EXPECT_NEAR(costs->LastAttention(
                  {.tokens = 5, .last_tokens = 5, .decoding = 5, .decoding_positions = 200}),
              3.5, 1e-9);
}

// An expert's time for a row is measured; for less, it is that of reading its weights.
TEST(PartCosts, ExpertsReadTheirWeightsInEachRound) {
  LayerProfile profile = LinearProfile(1);
  for (PartTime& t : *profile.mutable_parts()) {
    if (t.part() == "experts") t.set_seconds(t.seconds() + 2 * 10);
  }
  const absl::StatusOr<PartCosts> costs = PartCosts::FromProfile(profile);
  ASSERT_TRUE(costs.ok()) << costs.status();
  EXPECT_NEAR(costs->Experts(std::vector<int64_t>{40, 0}), 50, 1e-9);
  EXPECT_NEAR(costs->Experts(std::vector<int64_t>{40, 0}, 4), 80, 1e-9);
  EXPECT_NEAR(costs->Experts(std::vector<int64_t>{2, 0}, 4), 22, 1e-9);
}

TEST(PartCosts, NameWhatTheProfileLacks) {
  for (const std::string part : {"norms", "experts", "attention", "last attention", "head"}) {
    LayerProfile profile = LinearProfile(1);
    LayerProfile without = profile;
    without.clear_parts();
    for (const PartTime& t : profile.parts()) {
      if (t.part() != part) *without.add_parts() = t;
    }
    EXPECT_THAT(PartCosts::FromProfile(without).status().message(), testing::HasSubstr(part));
  }
}

}  // namespace
}  // namespace octet
