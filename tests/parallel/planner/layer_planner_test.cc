#include "parallel/planner/layer_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "parallel/planner/load_bound.h"
#include "parallel/planner/slot_filling.h"
#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

RankTraits Equal(int num_ranks) {
  return {.speeds = std::vector<double>(num_ranks, 1), .hosts = std::vector<int>(num_ranks)};
}

// The least figures of all placements.
LayerFigures Least(const LayerCounts& layer, const std::vector<int>& slots,
                   const RankTraits& traits) {
  LayerFigures least = {1e9, 1e9, 1e9};
  VisitPlacements(layer.num_experts(), slots, [&](const LayerRanks& ranks) {
    least.total = std::min(least.total, ReferenceTotal(ranks, layer, traits.speeds));
    least.steps = std::min(least.steps, ReferenceSteps(ranks, layer, traits.speeds));
    least.copies = std::min(least.copies, ReferenceCopies(ranks, layer.sets, traits.num_ranks()));
  });
  return least;
}

// What the planner reaches for each figure.
LayerFigures Reached(const LayerCounts& layer, const std::vector<int>& slots,
                     const RankTraits& traits) {
  LayerPlanner planner(layer, slots, traits, 0, 1);
  const auto plan = [&](const PlanObjective& objective) {
    const LayerSlots planned = planner.Plan(objective);
    for (size_t r = 0; r < slots.size(); ++r) EXPECT_LE(std::ssize(planned[r]), slots[r]);
    return RanksOf(planned, layer.num_experts());
  };
  return {ReferenceTotal(plan({.total = 1}), layer, traits.speeds),
          ReferenceSteps(plan({.steps = 1}), layer, traits.speeds),
          ReferenceCopies(plan({.copies = 1}), layer.sets, traits.num_ranks())};
}

TEST(LayerPlanner, PartitionsAreTheBest) {
  std::mt19937 random(1);
  struct Shape {
    int experts;
    std::vector<int> slots;
    std::vector<double> speeds;
  };
  for (const Shape& shape :
       {Shape{4, {2, 2}, {1, 1}}, Shape{6, {2, 2, 2}, {1, 1, 1}}, Shape{5, {2, 2, 1}, {1, 1, 1}},
        Shape{6, {3, 2, 1}, {3, 2, 1}}, Shape{3, {1, 1, 1, 0}, {1, 1, 1, 1}},
        Shape{5, {1, 2, 2}, {1, 1, 4}}}) {
    const RankTraits traits = {.speeds = shape.speeds,
                               .hosts = std::vector<int>(shape.speeds.size())};
    const LayerCounts layer = RandomLayer(shape.experts, 6, random);
    const LayerFigures least = Least(layer, shape.slots, traits);
    const LayerFigures reached = Reached(layer, shape.slots, traits);
    EXPECT_DOUBLE_EQ(reached.total, least.total);
    EXPECT_DOUBLE_EQ(reached.steps, least.steps);
    EXPECT_NEAR(reached.copies, least.copies, 1e-12);
    LayerPlanner planner(layer, shape.slots, traits, 0, 1);
    const LayerFigures bounds = planner.Bounds();
    EXPECT_DOUBLE_EQ(bounds.total, least.total);
    EXPECT_DOUBLE_EQ(bounds.steps, least.steps);
    EXPECT_NEAR(bounds.copies, least.copies, 1e-12);
  }
}

TEST(LayerPlanner, EightExpertsOnTwoAndFourRanksAreTheBest) {
  std::mt19937 random(2);
  for (const int num_ranks : {2, 4}) {
    const LayerCounts layer = RandomLayer(8, 4, random);
    const std::vector<int> slots(num_ranks, 8 / num_ranks);
    const LayerFigures least = Least(layer, slots, Equal(num_ranks));
    const LayerFigures reached = Reached(layer, slots, Equal(num_ranks));
    EXPECT_DOUBLE_EQ(reached.total, least.total);
    EXPECT_DOUBLE_EQ(reached.steps, least.steps);
    EXPECT_NEAR(reached.copies, least.copies, 1e-12);
  }
}

// The bound is below every placement, and the search reaches the best of them.
TEST(LayerPlanner, WithReplicasReachesTheBestOfAllAndKeepsTheBound) {
  std::mt19937 random(3);
  for (const auto& slots : {std::vector{2, 2, 2}, std::vector{3, 3}, std::vector{2, 1, 2},
                            std::vector{3, 2, 2}, std::vector{1, 2, 1, 2}, std::vector{4, 4}}) {
    for (const bool unlike : {false, true}) {
      RankTraits traits = Equal(static_cast<int>(slots.size()));
      if (unlike) traits.speeds.back() = 2.5;
      const LayerCounts layer = RandomLayer(4, 5, random);
      const LayerFigures least = Least(layer, slots, traits);
      const LayerFigures reached = Reached(layer, slots, traits);
      EXPECT_NEAR(reached.total, least.total, 1e-9);
      EXPECT_NEAR(reached.steps, least.steps, 1e-9);
      EXPECT_NEAR(reached.copies, least.copies, 1e-9);
      LayerPlanner planner(layer, slots, traits, 0, 1);
      const LayerFigures bounds = planner.Bounds();
      EXPECT_NEAR(bounds.total, least.total, 1e-8);
      EXPECT_NEAR(bounds.steps, least.steps, 1e-8);
      EXPECT_LE(bounds.copies, least.copies + 1e-9);
      EXPECT_TRUE(planner.Reached().total && planner.Reached().steps);
    }
  }
}

// A bound that no proof has raised is below every placement, whatever the number of replicas, and
// so is one that a proof with few operations has.
TEST(LayerPlanner, BoundsWithReplicasAreBelowTheBest) {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    const int num_experts = 3 + static_cast<int>(random() % 3);
    std::vector<int> slots(2 + random() % 2);
    do {
      for (int& of_rank : slots) of_rank = 1 + static_cast<int>(random() % 3);
    } while (std::accumulate(slots.begin(), slots.end(), 0) <= num_experts);
    RankTraits traits = Equal(static_cast<int>(slots.size()));
    if (round % 3 == 0) traits.speeds.front() = 3;
    const LayerCounts layer = RandomLayer(num_experts, 4, random);
    const LayerFigures least = Least(layer, slots, traits);
    for (const double operations : {0.0, 1e4, 3e4, 1e9}) {
      LayerPlanner planner(layer, slots, traits, 0, 1, operations);
      const LayerFigures bounds = planner.Bounds();
      EXPECT_LE(bounds.total, least.total + 1e-8);
      EXPECT_LE(bounds.steps, least.steps + 1e-8);
      EXPECT_GE(bounds.steps, bounds.total - 1e-8);
      const bool is_proven = planner.Reached().steps;
      EXPECT_TRUE(is_proven || operations < 1e9);
      EXPECT_NEAR(bounds.steps, least.steps, is_proven ? 1e-8 : 1e9);
    }
  }
}

TEST(LayerPlanner, BoundOfPartitionsThatAreNotListed) {
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    const LayerCounts layer = RandomLayer(6, 5, random);
    for (const auto& slots : {std::vector{2, 2, 2}, std::vector{3, 3}, std::vector{3, 2, 1}}) {
      const std::vector<double> speeds(slots.size(), 1);
      LoadBound bound(6, slots, speeds);
      const LayerFigures least = Least(layer, slots, Equal(static_cast<int>(slots.size())));
      const double mean = std::accumulate(layer.total.begin(), layer.total.end(), 0.0) /
                          static_cast<double>(slots.size());
      EXPECT_LE(bound.Mean(StepMatrix::OfTotal(layer)) / mean, least.total + 1e-9);
    }
  }
}

// Sixty-four experts, and replicas on eight ranks, come near a bound that no placement passes.
TEST(LayerPlanner, LargeLayersComeNearTheBound) {
  std::mt19937 random(5);
  struct Shape {
    int experts, ranks, slots;
  };
  for (const auto& [experts, ranks, slots] :
       {Shape{64, 8, 8}, Shape{64, 8, 9}, Shape{8, 8, 2}, Shape{64, 16, 5}}) {
    const LayerCounts layer = RandomLayer(experts, 200, random);
    const RankTraits traits = Equal(ranks);
    LayerPlanner planner(layer, std::vector<int>(ranks, slots), traits, 0, 1);
    const LayerFigures bounds = planner.Bounds();
    const LayerRanks best = RanksOf(planner.Plan({.total = 1}), experts);
    EXPECT_LE(planner.Measure(best).total, 1.02 * bounds.total) << experts << " " << ranks;
    const LayerRanks again = RanksOf(planner.Plan({.total = 1}), experts);
    EXPECT_EQ(best, again);
  }
}

// A few experts have most of the tokens, and there are few replicas: where they go, how often, and
// which experts share their ranks decides.
TEST(LayerPlanner, UnequalLoadsWithFewReplicasComeNearTheBound) {
  struct Shape {
    int experts, ranks, replicas;
    double exponent;
  };
  for (const auto& [experts, ranks, replicas, exponent] :
       {Shape{64, 16, 8, 1.1}, Shape{160, 40, 20, 1.0}, Shape{256, 64, 16, 1.1},
        Shape{256, 64, 32, 0.9}}) {
    LayerCounts layer;
    for (int e = 0; e < experts; ++e) {
      layer.total.push_back(std::llround(1e6 * std::pow(e + 1, -exponent)));
    }
    std::vector<int> slots(ranks, (experts + replicas) / ranks);
    for (int i = 0; i < (experts + replicas) % ranks; ++i) ++slots[i];
    const RankTraits traits = Equal(ranks);
    LayerPlanner planner(layer, slots, traits, 0, 1);
    const LayerRanks best = RanksOf(planner.Plan({.total = 1}), experts);
    EXPECT_LE(planner.Measure(best).total, 1.02 * planner.Bounds().total)
        << experts << " experts on " << ranks << " ranks, " << replicas << " replicas";
  }
}

// With two slots on each rank many placements divide the total evenly. The one that is planned is
// better than a greedy one where tokens vary.
TEST(LayerPlanner, OfEqualTotalsItTakesTheSteady) {
  std::mt19937 random(6);
  const RankTraits traits = Equal(8);
  for (int round = 0; round < 4; ++round) {
    const LayerCounts layer = RandomLayer(8, 200, random);
    LayerPlanner planner(layer, std::vector<int>(8, 2), traits, 0, 1);
    const LayerRanks planned = RanksOf(planner.MakeSteady(planner.Plan({.total = 1})), 8);
    const LayerRanks greedy =
        RanksOf(FillGreedily(layer.total, std::vector<int>(8, 2), traits.speeds), 8);
    EXPECT_NEAR(planner.Measure(planned).total, 1, 1e-9);
    const StepMatrix varied = StepMatrix::OfVariedTotals(layer, 200, 99);
    BusiestRank busiest(traits.speeds);
    EXPECT_LT(busiest.Mean(planned, varied), busiest.Mean(greedy, varied));
  }
}

TEST(LayerPlanner, ALayerWithoutTokens) {
  LayerCounts layer = {.total = std::vector<int64_t>(4), .steps = {}, .sets = {}};
  const RankTraits ranks = Equal(2);
  LayerPlanner planner(layer, {3, 3}, ranks, 0, 1);
  EXPECT_EQ(planner.Bounds().total, 1);
  EXPECT_EQ(planner.Measure(RanksOf(planner.Plan({.total = 1}), 4)).total, 1);
}

}  // namespace
}  // namespace octet
