#include "launch/console/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace octet {
namespace {

TEST(History, KeepsSamplesApartAndForgetsOldOnes) {
  History history;
  EXPECT_EQ(history.last().count, 0);
  for (int i = 1; i <= 1'000'000; ++i) history.Add(i / 1000.0, i);  // 1000 s
  EXPECT_EQ(history.last().seconds, 1000);
  EXPECT_EQ(history.last().count, 1'000'000);
  for (const double seconds : {500.0, 700.3, 999.0}) {
    const History::Sample sample = history.At(seconds);
    EXPECT_LE(sample.seconds, seconds);
    EXPECT_GT(sample.seconds, seconds - 0.3);
    EXPECT_NEAR(sample.count, sample.seconds * 1000, 1e-6);
  }
  EXPECT_NEAR(history.At(0).seconds, 400, 0.3);  // the oldest that is kept
}

TEST(Throughput, RecentFollowsAndMeanRemembers) {
  Throughput throughput;
  EXPECT_EQ(throughput.RecentPerSecond(), 0);
  EXPECT_EQ(throughput.MeanPerSecond(), 0);
  double count = 0;
  const auto run = [&](double from, double to, double per_second) {
    for (double t = from; t < to; t += 0.1) throughput.Add(t + 0.1, count += per_second / 10);
  };
  run(0, 20, 100);
  EXPECT_NEAR(throughput.RecentPerSecond(), 100, 1e-6);
  EXPECT_NEAR(throughput.MeanPerSecond(), 100, 1e-6);
  run(20, 22.5, 300);
  EXPECT_NEAR(throughput.RecentPerSecond(), 200, 10);  // half of the window
  run(22.5, 40, 300);
  EXPECT_NEAR(throughput.RecentPerSecond(), 300, 1e-6);
  EXPECT_NEAR(throughput.MeanPerSecond(), 200, 1);
  run(40, 50, 0);
  EXPECT_EQ(throughput.RecentPerSecond(), 0);
}

// When each of `total` requests is done: so many at a time, each taking what `seconds` says.
std::vector<double> Completions(int total, int slots, const std::function<double(int)>& seconds) {
  std::vector<double> free_at(slots, 0);
  std::vector<double> times;
  for (int i = 0; i < total; ++i) {
    double& slot = *std::min_element(free_at.begin(), free_at.end());
    times.push_back(slot += seconds(i));
  }
  std::sort(times.begin(), times.end());
  return times;
}

struct Prediction {
  double share;  // of the requests that are done
  double seconds;
  double remaining;
};

// What is predicted every 50 ms.
std::vector<Prediction> Predict(const std::vector<double>& times) {
  Eta eta;
  std::vector<Prediction> predictions;
  size_t done = 0;
  for (double now = 0; now < times.back(); now += 0.05) {
    while (times[done] <= now) ++done;
    eta.Add(now, static_cast<double>(done));
    const auto remaining = eta.Remaining(static_cast<double>(times.size()));
    if (!remaining) continue;
    predictions.push_back(
        {static_cast<double>(done) / static_cast<double>(times.size()), now, *remaining});
  }
  return predictions;
}

// The largest error from a share of the work on, as a part of what truly remained then.
double Error(const std::vector<double>& times, double from, double to) {
  double worst = 0;
  for (const Prediction& p : Predict(times)) {
    const double truth = times.back() - p.seconds;
    if (p.share >= from && p.share <= to) {
      worst = std::max(worst, std::abs(p.remaining - truth) / truth);
    }
  }
  return worst;
}

// The largest step from one prediction to the next, beside that of the clock, as a part of it.
double Jump(const std::vector<double>& times, double from) {
  const std::vector<Prediction> predictions = Predict(times);
  double worst = 0;
  for (size_t i = 1; i < predictions.size(); ++i) {
    const Prediction& p = predictions[i - 1];
    if (p.share < from || p.share > 0.9) continue;
    worst = std::max(worst, std::abs(predictions[i].remaining - p.remaining + 0.05) / p.remaining);
  }
  return worst;
}

// Answers of uneven length, and the wait for the first of them.
std::vector<double> Uneven() {
  std::mt19937 random(1);
  return Completions(3000, 64,
                     [&](int) { return std::uniform_real_distribution(4.0, 16.0)(random); });
}

// All answers of one length: they come in bursts.
std::vector<double> Waves() {
  return Completions(640, 32, [](int) { return 5.0; });
}

TEST(Eta, IsRightHalfWay) {
  EXPECT_LT(Error(Uneven(), 0.5, 0.9), 0.1);
  EXPECT_LT(Error(Uneven(), 0.1, 0.9), 0.2);
  EXPECT_LT(Error(Waves(), 0.1, 0.9), 0.15);
  EXPECT_LT(Error(Completions(1000, 1, [](int) { return 0.1; }), 0.05, 0.9), 0.05);
}

TEST(Eta, DoesNotJump) {
  EXPECT_LT(Jump(Uneven(), 0.1), 0.05);
  EXPECT_LT(Jump(Waves(), 0.1), 0.05);
}

TEST(Eta, FollowsAChangeOfPace) {
  const std::vector<double> times =
      Completions(2000, 1, [](int i) { return i < 1000 ? 0.05 : 0.1; });
  EXPECT_LT(Error(times, 0.8, 0.95), 0.05);
  const std::vector<double> faster =
      Completions(2000, 1, [](int i) { return i < 1000 ? 0.1 : 0.05; });
  EXPECT_LT(Error(faster, 0.8, 0.95), 0.4);
}

TEST(Eta, GrowsWhileNothingComes) {
  Eta eta;
  for (int i = 0; i <= 100; ++i) eta.Add(i, i);
  EXPECT_NEAR(*eta.Remaining(200), 100, 2);
  eta.Add(150, 100);
  EXPECT_GT(*eta.Remaining(200), 140);
  eta.Add(400, 100);
  EXPECT_GT(*eta.Remaining(200), 300);
}

TEST(Eta, SaysNothingBeforeItKnows) {
  Eta eta;
  EXPECT_FALSE(eta.Remaining(10).has_value());
  eta.Add(5, 0);
  EXPECT_FALSE(eta.Remaining(10).has_value());
  eta.Add(10, 1);  // only how long the first one took
  EXPECT_FALSE(eta.Remaining(10).has_value());
  eta.Add(11, 2);
  EXPECT_FALSE(eta.Remaining(10).has_value());
  eta.Add(13, 4);
  EXPECT_NEAR(*eta.Remaining(10), 6, 1e-9);
}

}  // namespace
}  // namespace octet
