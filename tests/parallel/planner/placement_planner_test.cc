#include "parallel/planner/placement_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "parallel/placement/balanced_placement.h"
#include "parallel/planner/placement_scorer.h"
#include "tests/parallel/planner/planner_reference.h"
#include "tests/support/json.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RoutingCounts RandomRoutingCounts(int layers, int experts, std::mt19937& random) {
  RoutingCounts counts;
  for (int l = 0; l < layers; ++l) counts.layers.push_back(RandomLayer(experts, 30, random));
  return counts;
}

PlanSetting Setting(PlacementShape shape, int replicas) {
  return {.shape = shape,
          .ranks = {.speeds = std::vector<double>(shape.num_ranks, 1),
                    .hosts = std::vector<int>(shape.num_ranks)},
          .slots = SpreadSlots(shape, std::vector<int>(shape.num_layers, replicas))};
}

ExpertCounts Totals(const RoutingCounts& counts) {
  ExpertCounts totals;
  for (const LayerCounts& layer : counts.layers) totals.push_back(layer.total);
  return totals;
}

TEST(PlanByRule, EplbIsThatOfPlaceByEplb) {
  std::mt19937 random(1);
  for (const int replicas : {0, 2, 3, 8}) {
    const PlacementShape shape = {.num_layers = 3, .num_experts = 8, .num_ranks = 4};
    const RoutingCounts counts = RandomRoutingCounts(3, 8, random);
    const auto plan = PlanByRule("eplb", counts, Setting(shape, replicas));
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->ToPlacement().ToString(),
              PlaceByEplb(shape, Totals(counts), replicas).ToString());
  }
}

TEST(PlanByRule, RefusesWhatEplbCantDo) {
  std::mt19937 random(2);
  const RoutingCounts counts = RandomRoutingCounts(1, 8, random);
  PlanSetting setting = Setting({1, 8, 4}, 0);
  setting.expert_groups = 3;
  EXPECT_THAT(std::string(PlanByRule("eplb", counts, setting).status().message()),
              HasSubstr("8 experts into 3 groups"));
  setting = Setting({1, 8, 4}, 0);
  setting.slots[0] = {5, 1, 1, 1};
  EXPECT_THAT(std::string(PlanByRule("eplb", counts, setting).status().message()),
              HasSubstr("equally many slots"));
}

TEST(PlanByRule, DealtPlacementsGetReplicas) {
  std::mt19937 random(3);
  const PlacementShape shape = {.num_layers = 2, .num_experts = 8, .num_ranks = 4};
  const RoutingCounts counts = RandomRoutingCounts(2, 8, random);
  for (const char* name : {"contiguous", "round-robin", "random:7"}) {
    const auto plain = PlanByRule(name, counts, Setting(shape, 0));
    ASSERT_TRUE(plain.ok());
    EXPECT_EQ(plain->ToPlacement().ToString(), ExpertPlacement::Parse(name, shape)->ToString());
    const std::vector<int64_t> pairs =
        PlanByRule(name, counts, Setting(shape, 4))->ToPlacement().CountPairs();
    EXPECT_THAT(pairs, ElementsAre(6, 6, 6, 6)) << name;
  }
}

TEST(SlotRooms, OfUnlikeRooms) {
  const PlacementShape shape = {.num_layers = 4, .num_experts = 8, .num_ranks = 3};
  const std::vector<int64_t> rooms = {30, 10, 4};
  std::vector<int64_t> used(3);
  for (const std::vector<int>& layer : SlotsOfRooms(shape, rooms)) {
    EXPECT_EQ(std::accumulate(layer.begin(), layer.end(), 0), 11);
    for (int r = 0; r < 3; ++r) {
      EXPECT_LE(layer[r], 8);
      used[r] += layer[r];
    }
  }
  EXPECT_EQ(used, rooms);
}

// The cost of any division of the budget, and the least of all.
double LeastCost(const std::vector<CostOfReplicas>& costs, size_t layer, int budget) {
  if (layer == costs.size()) return 0;
  double least = 1e9;
  for (int n = 0; n < std::ssize(costs[layer]) && n <= budget; ++n) {
    least = std::min(least, costs[layer][n] + LeastCost(costs, layer + 1, budget - n));
  }
  return least;
}

TEST(DivideReplicas, IsNearTheBestAndAboveTheBound) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<CostOfReplicas> costs(4);
    for (CostOfReplicas& cost : costs) {
      cost.push_back(2);
      for (int n = 0; n < 5; ++n) cost.push_back(cost.back() * (0.7 + 0.3 * (random() % 100) / 99));
    }
    const int budget = static_cast<int>(random() % 12);
    const ReplicaDivision division = DivideReplicas(costs, costs, budget);
    EXPECT_LE(std::accumulate(division.replicas.begin(), division.replicas.end(), 0), budget);
    const double least = LeastCost(costs, 0, budget);
    EXPECT_LE(division.bound, least + 1e-12);
    EXPECT_LE(division.cost, 1.1 * least);
  }
}

TEST(DivideReplicas, GoToTheLayersThatNeedThem) {
  RoutingCounts counts;
  counts.layers.push_back({.total = {10, 10, 10, 10}, .steps = {}, .sets = {}});
  counts.layers.push_back({.total = {34, 2, 2, 2}, .steps = {}, .sets = {}});
  const ReplicaDivision division = DivideReplicas(counts, Setting({2, 4, 4}, 0), 3);
  EXPECT_THAT(division.replicas, ElementsAre(0, 3));
  EXPECT_NEAR(division.bound, division.cost, 1e-9);
}

TEST(PlacementScorer, HasTheFiguresOfThePlanner) {
  std::mt19937 random(5);
  const PlacementShape shape = {.num_layers = 2, .num_experts = 8, .num_ranks = 4};
  RoutingCounts counts = RandomRoutingCounts(2, 8, random);
  counts.row_bytes = 2;
  counts.return_bytes = 4;
  const PlanSetting setting = Setting(shape, 0);
  PlacementPlanner planner(counts, setting);
  const std::vector<LayerFigures> bounds = planner.Bounds();
  PlacementScorer scorer(counts, setting.ranks, 0);
  const PlacementScore by_steps = scorer.Score(planner.Plan({.steps = 1}));
  const PlacementScore by_copies = scorer.Score(planner.Plan({.copies = 1}));
  for (int l = 0; l < 2; ++l) {
    EXPECT_DOUBLE_EQ(by_steps.layers[l].steps, bounds[l].steps);
    EXPECT_DOUBLE_EQ(by_copies.layers[l].copies, bounds[l].copies);
  }
  EXPECT_EQ(by_steps.step_ratios.size(), 60U);
  EXPECT_DOUBLE_EQ(by_copies.whole.copies, by_copies.copies.ranks);
  EXPECT_DOUBLE_EQ(by_copies.bytes,
                   2 * (2 * by_copies.copies.ranks + 4 * by_copies.copies.returns));
}

}  // namespace
}  // namespace octet
