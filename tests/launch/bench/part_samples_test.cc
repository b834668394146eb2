// Interruptions, from samples whose means and medians can be computed by hand.

#include "launch/bench/part_samples.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace octet {
namespace {

TEST(Interruptions, SlowDownWhatMediansTell) {
  Interruptions interruptions;
  interruptions.Add({{1, 1, 4}}, true);  // the mean is 2, the median 1
  interruptions.Add({{3, 3, 3}}, false);
  LayerProfile profile;
  interruptions.SetIn(profile);
  ASSERT_EQ(profile.slowdown_size(), 1);
  EXPECT_DOUBLE_EQ(profile.slowdown(0), 15.0 / 12);
  EXPECT_EQ(profile.jitter_size(), 0) << "one rank differs from none";
}

// The later of two is later than the mean by their deviation / sqrt(pi).
TEST(Interruptions, TellHowFarRanksDiffer) {
  Interruptions interruptions;
  const RankSamples samples = {{4, 16}, {6, 14}};  // the last one is late by 1
  interruptions.Add(samples, true);
  interruptions.Add({{1}, {100}}, false);
  LayerProfile profile;
  interruptions.SetIn(profile);
  ASSERT_EQ(profile.jitter_size(), 1);
  const double deviation = 2 * std::sqrt(std::numbers::pi) / (std::sqrt(5) + std::sqrt(15));
  EXPECT_NEAR(profile.jitter(0), deviation * deviation, 1e-9);
  EXPECT_DOUBLE_EQ(MeanOfMedians(samples), 10);
}

TEST(Interruptions, OfNothingAreNone) {
  LayerProfile profile;
  Interruptions().SetIn(profile);
  EXPECT_EQ(profile.slowdown_size() + profile.jitter_size(), 0);
}

}  // namespace
}  // namespace octet
