// Statistics of traces that are small enough to count by hand.

#include "runtime/trace/routing_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/memory_file_system.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kTinyTrace[] = "t.zst";

RoutingStats Compute(MemoryFileSystem& files) {
  const absl::StatusOr<RoutingStats> stats = ComputeRoutingStats(files, kTinyTrace);
  EXPECT_TRUE(stats.ok()) << stats.status();
  return *stats;
}

std::string ExpertBytes(const std::vector<int>& experts) {
  return {experts.begin(), experts.end()};
}

// Step 0: tokens {0, 1 | 2, 3} and {0, 2 | 2, 1} of rank 0, {0, 1 | 3, 2} of rank 1.
// Step 1: token {3, 0 | 1, 0} of rank 0.
std::vector<StepRouting> FourTokens() {
  return {TinyStep(0, {{.line = 1, .experts = ExpertBytes({0, 1, 2, 3})},
                       {.line = 2, .experts = ExpertBytes({0, 2, 2, 1})}}),
          TinyStep(0, {{.line = 3, .experts = ExpertBytes({0, 1, 3, 2})}}, 1),
          TinyStep(1, {{.line = 1, .position = 1, .experts = ExpertBytes({3, 0, 1, 0})}}),
          TinyStep(1, {}, 1)};
}

TEST(RoutingStats, LoadOfEachStep) {
  MemoryFileSystem files;
  WriteTinyTrace(files, kTinyTrace, FourTokens());
  const RoutingStats stats = Compute(files);
  EXPECT_EQ(stats.tokens(), 4);
  EXPECT_EQ(stats.steps(), 2);
  EXPECT_EQ(stats.ranks(), 2);
  EXPECT_EQ(stats.hosts(), 2);
  const LayerRouting& first = stats.layers(0);
  EXPECT_THAT(first.load(), ElementsAre(4, 2, 1, 1));
  EXPECT_DOUBLE_EQ(first.load_max_over_mean(), 2);
  // Step 0 has 3, 2, 1, 0 of mean 1.5; step 1 has 1, 0, 0, 1 of mean 0.5.
  EXPECT_DOUBLE_EQ(first.max_over_mean().recorded().mean(), 2);
  EXPECT_DOUBLE_EQ(first.max_over_mean().recorded().p50(), 2);
  EXPECT_NEAR(first.variation().recorded(), (std::sqrt(1.25) / 1.5 + 1) / 2, 1e-6);
  // Step 0 has 0, 1, 3, 2; step 1 has 1, 1, 0, 0.
  const LayerRouting& second = stats.layers(1);
  EXPECT_THAT(second.load(), ElementsAre(1, 2, 3, 2));
  EXPECT_DOUBLE_EQ(second.load_max_over_mean(), 1.5);
  EXPECT_THAT(stats.whole().load(), ElementsAre(5, 4, 4, 3));
  EXPECT_DOUBLE_EQ(stats.whole().max_over_mean().recorded().mean(), 2);
}

TEST(RoutingStats, Pairs) {
  MemoryFileSystem files;
  WriteTinyTrace(files, kTinyTrace, FourTokens());
  const RoutingStats stats = Compute(files);
  const LayerRouting& first = stats.layers(0);
  EXPECT_THAT(first.coactivation(), ElementsAre(4, 2, 1, 1,  //
                                                2, 2, 0, 0,  //
                                                1, 0, 1, 0,  //
                                                1, 0, 0, 1));
  EXPECT_EQ(first.strongest_pair().first(), 0);
  EXPECT_EQ(first.strongest_pair().second(), 1);
  EXPECT_DOUBLE_EQ(first.strongest_pair().share(), 0.5);
  EXPECT_DOUBLE_EQ(first.strongest_pair().uniform_share(), 1.0 / 6);
  EXPECT_THAT(first.transitions(), ElementsAre(1, 2, 3, 2,  //
                                               0, 0, 2, 2,  //
                                               0, 1, 1, 0,  //
                                               1, 1, 0, 0));
  EXPECT_DOUBLE_EQ(first.strongest_transition().share(), 0.5);
  EXPECT_TRUE(stats.layers(1).transitions().empty());
  EXPECT_FALSE(stats.layers(1).has_strongest_transition());
  EXPECT_DOUBLE_EQ(first.transition_information().shuffled(),
                   first.transition_information().recorded())
      << "tokens keep their experts";
}

// Experts 0 and 1 live on rank 0, 2 and 3 on rank 1.
TEST(RoutingStats, DestinationsAndBytes) {
  MemoryFileSystem files;
  WriteTinyTrace(files, kTinyTrace, FourTokens());
  const RoutingStats stats = Compute(files);
  EXPECT_DOUBLE_EQ(stats.layers(0).ranks_of_token().recorded(), 6.0 / 4);
  EXPECT_DOUBLE_EQ(stats.layers(1).ranks_of_token().recorded(), 5.0 / 4);
  EXPECT_DOUBLE_EQ(stats.layers(1).hosts_of_token().recorded(), 5.0 / 4);
  EXPECT_DOUBLE_EQ(stats.whole().ranks_of_token().recorded(), 11.0 / 8);
  // By the routing: rank 0 sends 2 + 2 rows of 16 bytes and gets 2 + 2 of 32; rank 1 sends 1 row,
  // and gets both slots as one.
  EXPECT_DOUBLE_EQ(stats.traffic().bytes().recorded(), 5 * 16 + 5 * 32);
  EXPECT_THAT(stats.traffic().dispatch_bytes(), ElementsAre(0, 0, 0, 0)) << "none was recorded";
}

TEST(RoutingStats, RecordedTrafficIsComparedWithWhatWasCounted) {
  MemoryFileSystem files;
  std::vector<StepRouting> steps = {TinyStep(0, {{.line = 1}}), TinyStep(0, {}, 1)};
  PeerRows& peer = *steps[0].add_peers();
  peer.set_rank(1);
  peer.set_rows_sent(3);
  peer.set_returns_sent(2);
  peer.set_letter_bytes(44);
  steps[0].mutable_counted()->set_dispatch_sent(3 * 16);
  steps[0].mutable_counted()->set_routing_sent(44);
  steps[1].mutable_counted()->set_combine_sent(2 * 32);
  WriteTinyTrace(files, kTinyTrace, steps);
  const RankTraffic traffic = Compute(files).traffic();
  EXPECT_THAT(traffic.dispatch_bytes(), ElementsAre(0, 48, 0, 0));
  EXPECT_THAT(traffic.return_bytes(), ElementsAre(0, 64, 0, 0));
  EXPECT_EQ(traffic.bytes_in_place(), 0);
  EXPECT_TRUE(traffic.is_as_counted());
  steps[1].mutable_counted()->set_combine_sent(2 * 32 + 1);
  WriteTinyTrace(files, kTinyTrace, steps);
  EXPECT_FALSE(Compute(files).traffic().is_as_counted());
}

TEST(RoutingStats, TimesOfRanks) {
  MemoryFileSystem files;
  WriteTinyTrace(files, kTinyTrace, FourTokens());  // half a second each
  const RoutingStats stats = Compute(files);
  ASSERT_EQ(stats.times_size(), 1);
  EXPECT_EQ(stats.times(0).name(), "attention");
  EXPECT_DOUBLE_EQ(stats.times(0).mean_seconds(), 1);
  EXPECT_DOUBLE_EQ(stats.times(0).most_seconds(), 1);
}

// Tokens that choose at random, a step each that has 64 alike: only shuffling tells.
TEST(RoutingStats, NullsShowWhereTheImbalanceComesFrom) {
  MemoryFileSystem files;
  std::vector<StepRouting> steps;
  for (int64_t s = 0; s < 200; ++s) {
    const int a = static_cast<int>(s % 4);
    const std::string experts = ExpertBytes({a, (a + 1) % 4, a, (a + 1) % 4});
    std::vector<TinyToken> tokens;
    for (int64_t t = 0; t < 64; ++t) tokens.push_back({.line = 64 * s + t, .experts = experts});
    steps.push_back(TinyStep(s, tokens));
  }
  WriteTinyTrace(files, kTinyTrace, steps);
  const RoutingStats stats = Compute(files);
  const LayerRouting& layer = stats.layers(0);
  EXPECT_DOUBLE_EQ(layer.load_max_over_mean(), 1);
  EXPECT_DOUBLE_EQ(layer.max_over_mean().recorded().mean(), 2);
  // The greatest of 4 loads of 64 tokens, of mean 32 and standard deviation 4.
  EXPECT_NEAR(layer.max_over_mean().shuffled().mean(), 1.13, 0.04);
  EXPECT_NEAR(layer.max_over_mean().uniform().mean(), 1.13, 0.04);
  EXPECT_NEAR(layer.variation().uniform(), 0.12, 0.02);
  EXPECT_NEAR(layer.transition_information().recorded(), 0.5, 0.01);
  EXPECT_LT(layer.transition_information().uniform(), 0.01);
  EXPECT_EQ(Compute(files).DebugString(), stats.DebugString()) << "the same each time";
}

TEST(RoutingStats, OfNothing) {
  MemoryFileSystem files;
  WriteTinyTrace(files, kTinyTrace, {});
  const auto stats = ComputeRoutingStats(files, kTinyTrace);
  EXPECT_THAT(std::string(stats.status().message()), HasSubstr("has no tokens"));
}

}  // namespace
}  // namespace octet
