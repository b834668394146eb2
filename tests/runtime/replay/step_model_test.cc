// The time of steps that can be computed by hand: a part takes a second for each token.

#include "runtime/replay/step_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "tests/support/layer_profile.h"

namespace octet {
namespace {

constexpr ReplayedModel kTwoLayers = {.num_layers = 2,
                                      .num_experts = 4,
                                      .topk = 2,
                                      .hidden_size = 8,
                                      .dispatch_row_bytes = 16,
                                      .return_row_bytes = 32};
constexpr double kLatency = 10;     // seconds
constexpr double kRate = 4;         // bytes per second
constexpr double kNearLatency = 1;  // of devices of one host
constexpr double kNearRate = 40;

// Each answer is a prompt of so many tokens, all with these two experts in both layers.
TokenTable TableOf(const std::vector<int64_t>& prompts, const std::vector<int16_t>& experts) {
  TokenTable table = {.num_layers = 2, .num_experts = 4, .topk = 2};
  for (const int64_t prompt : prompts) {
    table.answers.push_back({.line = std::ssize(table.answers) + 1,
                             .first_row = table.num_tokens(),
                             .num_tokens = prompt,
                             .prompt_tokens = prompt});
    table.places.resize(table.num_tokens() + prompt);
    for (int64_t i = 0; i < 2 * prompt; ++i) {
      table.experts.insert(table.experts.end(), experts.begin(), experts.end());
    }
  }
  return table;
}

struct StepOptions {
  int hosts = 1;
  int ranks = 1;        // of each host
  int64_t overlap = 0;  // SchedulerLimits::overlap_tokens
  bool wants_all = false;
  double all_busy = 1;  // times as slow if all ranks of a host work
  double jitter = 0;    // variance of a second of work, if all ranks of a host work
  bool devices = false;
  int64_t max_tokens = 64;  // of a step
};

StepModel::Prediction FirstStep(const TokenTable& table, const StepOptions& o) {
  Cluster cluster;
  ClusterHosts& hosts = *cluster.add_hosts();
  hosts.set_count(o.hosts);
  hosts.set_ranks(o.ranks);
  cluster.set_ranks_are_devices(o.devices);
  cluster.mutable_same_host()->set_latency_seconds(o.devices ? kNearLatency : 0);
  cluster.mutable_same_host()->set_bytes_per_second(o.devices ? kNearRate : kRate);
  cluster.mutable_network()->set_latency_seconds(kLatency);
  cluster.mutable_network()->set_bytes_per_second(kRate);
  MachineProfile machine;
  *machine.add_layers() = LinearProfile(1);
  if (o.ranks > 1) *machine.add_layers() = LinearProfile(o.all_busy, o.ranks);
  if (o.ranks > 1) machine.mutable_layers(1)->add_jitter(o.jitter);
  const auto model = ClusterModel::Make(cluster, kTwoLayers, {{"", machine}}, nullptr);
  EXPECT_TRUE(model.ok()) << model.status();
  const int ranks = o.hosts * o.ranks;
  const auto placement = ExpertPlacement::Parse("contiguous", {2, 4, ranks});
  auto job = ReplayedJob::Make(table,
                               {.max_num_seqs = 8,
                                .max_num_batched_tokens = o.max_tokens,
                                .pages = std::vector<int64_t>(ranks),
                                .group_size = ranks,
                                .overlap_tokens = o.overlap},
                               HomePolicy::kRoundRobin, 1);
  EXPECT_TRUE(job.ok()) << job.status();
  StepModel steps(*model, kTwoLayers, *placement, ReplicaPolicy::kEven, table, o.wants_all);
  const StepModel::Prediction step = steps.Predict(*job, *job->Next());
  EXPECT_NEAR(std::accumulate(step.times.begin(), step.times.end(), 0.0), step.seconds, 1e-9);
  return step;
}

double TimeOf(const StepModel::Prediction& step, ReplayedTime time) {
  return step.times[static_cast<size_t>(time)];
}

// A layer: norms, attention (1.01), router, dispatch, two experts, combine. A step: also embedding,
// head and sampling.
TEST(StepModel, OneTokenOnOneRank) {
  const StepModel::Prediction step = FirstStep(TableOf({1}, {0, 3}), {});
  EXPECT_NEAR(step.seconds, 2 * 7.01 + 3, 1e-9);
  EXPECT_NEAR(TimeOf(step, ReplayedTime::kExperts), 4, 1e-9);
  EXPECT_NEAR(TimeOf(step, ReplayedTime::kAttention), 2.02, 1e-9);
  EXPECT_EQ(step.traffic, ReplayedTraffic());
}

// Its experts are on the other host. A row of 16 bytes goes there with a letter of 44 behind a
// message about its size, and one of 32 comes back.
TEST(StepModel, OneTokenWithExpertsOnAnotherHost) {
  const StepModel::Prediction step = FirstStep(TableOf({1}, {2, 3}), {.hosts = 2});
  const double exchange = (16 + 44) / kRate + 2 * kLatency + 32 / kRate + kLatency;
  const double control = 2 * kLatency;
  EXPECT_NEAR(step.seconds, 2 * (7.01 + exchange) + 3 + control, 1e-9);
  EXPECT_EQ(step.traffic.dispatch_bytes, 2 * 16);
  EXPECT_EQ(step.traffic.routing_bytes, 2 * 44);
  EXPECT_EQ(step.traffic.combine_bytes, 2 * 32);
  EXPECT_EQ(step.traffic.combine_messages, 2);
  EXPECT_EQ(step.traffic.control_messages, 2 * 2);
  EXPECT_NEAR(TimeOf(step, ReplayedTime::kControl), control, 1e-9);
}

// Ranks that do the same are done at different times. The later of two is later than the mean by
// their deviation / sqrt(pi): when rows are staged, when experts are done, and at the end.
TEST(StepModel, AllWaitForTheRankThatHappensToBeLast) {
  constexpr double kJitter = 0.01;
  const StepModel::Prediction step =
      FirstStep(TableOf({1, 1}, {0, 2}), {.ranks = 2, .jitter = kJitter});
  double seconds = 0;
  for (const double work : {4.01, 2.0, 5.01, 2.0, 4.0}) {
    seconds += work + std::sqrt(kJitter * work / std::numbers::pi);
  }
  EXPECT_NEAR(step.seconds, seconds, 1e-9);
  EXPECT_NEAR(TimeOf(step, ReplayedTime::kLateRanks), seconds - 17.02, 1e-9);
}

// Expert 2 is on the other device of the host: a row of 16 bytes and a letter of 20 go there,
// behind their size.
TEST(StepModel, OneTokenWithAnExpertOnAnotherDeviceOfTheHost) {
  const StepModel::Prediction step = FirstStep(TableOf({1}, {0, 2}), {.ranks = 2, .devices = true});
  const double exchange = (16 + 32) / kNearRate + 2 * kNearLatency + 32 / kNearRate + kNearLatency;
  EXPECT_NEAR(step.seconds, 2 * (6.01 + exchange) + 3 + 2 * kNearLatency, 1e-9);
  EXPECT_EQ(step.traffic.dispatch_bytes, 2 * 16);
  EXPECT_EQ(step.traffic.dispatch_in_place, 0);
  EXPECT_NEAR(step.exchange_seconds, 2 * exchange, 1e-9);
}

// Each device has links of its own: two that send to other hosts take as long as one.
TEST(StepModel, DevicesOfAHostDoNotShareTheNetwork) {
  const auto sent = [](const std::vector<int64_t>& prompts, bool devices) {
    return FirstStep(TableOf(prompts, {2, 3}), {.hosts = 2, .ranks = 2, .devices = devices});
  };
  const auto exposed = [](const StepModel::Prediction& step) {
    return TimeOf(step, ReplayedTime::kExposedDispatch);
  };
  EXPECT_LT(exposed(sent({5, 5}, true)), 0.75 * exposed(sent({5, 5}, false)));
}

// A host has room for the tokens of four ranks; those of the fifth come in a second round.
TEST(StepModel, WhatAHostHasNoRoomForComesInAnotherRound) {
  const auto step = [](int64_t max_tokens) {
    return FirstStep(TableOf({1, 1, 1, 1, 1, 1}, {0, 0}), {.hosts = 6, .max_tokens = max_tokens});
  };
  const StepModel::Prediction in_two = step(6);
  const StepModel::Prediction in_one = step(64);
  EXPECT_EQ(in_two.traffic, in_one.traffic);
  EXPECT_NEAR(in_two.seconds, in_one.seconds + 2 * kLatency, 1e-9);
}

TEST(StepModel, AllWaitForTheBusiestRank) {
  // Two tokens at home on two ranks of a host; rank 0 has all their experts.
  const StepModel::Prediction step = FirstStep(TableOf({1, 1}, {0, 1}), {.ranks = 2});
  EXPECT_NEAR(step.seconds, 2 * (5.01 + 4) + 3, 1e-9);
  EXPECT_NEAR(TimeOf(step, ReplayedTime::kLateRanks), 4, 1e-9) << "half of the ranks, 8 seconds";
  EXPECT_EQ(step.traffic.dispatch_in_place, 2 * 16);
  EXPECT_EQ(step.traffic.combine_in_place, 2 * 32);
}

TEST(StepModel, RanksThatShareAHostSlowEachOther) {
  const double alone = FirstStep(TableOf({1, 1}, {0, 3}), {.ranks = 2}).seconds;
  const double shared = FirstStep(TableOf({1, 1}, {0, 3}), {.ranks = 2, .all_busy = 3}).seconds;
  EXPECT_NEAR(shared, 3 * alone, 1e-6);
}

TEST(StepModel, OnlyTokensWithLogitsGoOnInTheLastLayer) {
  const TokenTable table = TableOf({10}, {0, 3});
  const double all = FirstStep(table, {.wants_all = true}).seconds;
  const double last = FirstStep(table, {}).seconds;
  // 9 tokens less in router, dispatch, each of two experts, and combine. Attention of the last
  // layer is on a line of its own between 2 and 100 tokens.
  const double attention = 2.04 + (200 - 2.04) / 98 * 8;
  EXPECT_NEAR(all - last, 9 * 5 + 10.55 - attention, 1e-9);
}

TEST(StepModel, MicroBatchesHideTheNetwork) {
  const TokenTable table = TableOf({10, 10}, {0, 3});
  const double whole = FirstStep(table, {.hosts = 2}).seconds;
  const double overlapped = FirstStep(table, {.hosts = 2, .overlap = 1}).seconds;
  EXPECT_LT(overlapped, whole - 2 * kLatency);
}

}  // namespace
}  // namespace octet
