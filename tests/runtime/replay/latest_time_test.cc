#include "runtime/replay/latest_time.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace octet {
namespace {

TEST(LatestTime, WithoutVarianceIsTheMaximum) {
  LatestTime latest;
  EXPECT_EQ(latest.mean(), 0);
  for (const double time : {2.0, 5.0, 5.0, 3.0}) latest.Add(time, 0);
  EXPECT_EQ(latest.mean(), 5);
}

TEST(LatestTime, OfTwoAlikeIsLaterByTheKnownShare) {
  LatestTime latest;
  latest.Add(1000, 4e-6);
  latest.Add(1000, 4e-6);
  EXPECT_NEAR(latest.mean(), 1000 + 2e-3 * 0.5641896, 1e-9);  // sigma / sqrt(pi)
}

TEST(LatestTime, IsTheMeanOfDrawnMaxima) {
  std::mt19937_64 random(1);
  for (const std::vector<double>& means :
       {std::vector<double>{1, 1, 1, 1, 1, 1, 1, 1}, std::vector<double>{1, 1.3, 0.8, 1.25},
        std::vector<double>{5, 1, 1, 1}}) {
    LatestTime latest;
    std::vector<std::normal_distribution<double>> times;
    for (size_t i = 0; i < means.size(); ++i) {
      const double deviation = 0.1 * static_cast<double>(1 + i % 3);
      latest.Add(means[i], deviation * deviation);
      times.emplace_back(means[i], deviation);
    }
    constexpr int kDraws = 100000;
    double sum = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      double last = 0;
      for (auto& time : times) last = std::max(last, time(random));
      sum += last;
    }
    EXPECT_NEAR(latest.mean(), sum / kDraws, 0.01);
  }
}

}  // namespace
}  // namespace octet
