#include "parallel/planner/exact_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "parallel/planner/plan_proof.h"
#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

// The least mean over steps of all placements' times.
double LeastMean(const StepMatrix& steps, const std::vector<int>& slots,
                 const std::vector<double>& speeds) {
  double least = 1e9;
  VisitPlacements(steps.num_experts(), slots, [&](const LayerRanks& ranks) {
    least = std::min(least, MeanTime(ranks, steps, speeds));
  });
  return least;
}

enum class Outcome { kBetter, kNone, kUnknown };

// Stops at the first placement that takes less.
Outcome FindBetter(ExactSearch& search, double time, double most_operations, LayerRanks& better) {
  better.clear();
  const bool seen_all = search.VisitBetter(time, most_operations, [&](const LayerRanks& ranks) {
    better = ranks;
    return ExactSearch::Judgement{.time = 0, .operations = 0};
  });
  if (!better.empty()) return Outcome::kBetter;
  return seen_all ? Outcome::kNone : Outcome::kUnknown;
}

// Finds nothing below the best of all placements, and something just above it, in total and in
// single steps.
TEST(ExactSearch, KnowsTheBestOfAllPlacements) {
  std::mt19937 random(1);
  for (const auto& slots : {std::vector{2, 2, 2}, std::vector{3, 2, 1, 1}, std::vector{2, 2, 2, 1},
                            std::vector{1, 1, 2, 2}, std::vector{5, 2}}) {
    for (const bool unlike : {false, true}) {
      std::vector<double> speeds(slots.size(), 1);
      if (unlike) speeds[1] = 2.5;
      const LayerCounts layer = RandomLayer(5, 4, random);
      for (const StepMatrix& steps : {StepMatrix::OfTotal(layer), StepMatrix::OfSteps(layer)}) {
        const double least = LeastMean(steps, slots, speeds);
        LayerRanks better;
        ExactSearch search(steps, slots, speeds);
        EXPECT_EQ(FindBetter(search, least * (1 - 1e-9), 1e9, better), Outcome::kNone);
        ASSERT_EQ(FindBetter(search, least * (1 + 1e-9), 1e9, better), Outcome::kBetter);
        EXPECT_NEAR(MeanTime(better, steps, speeds), least, 1e-9);
        std::vector<int> used(slots.size());
        for (const auto& ranks : better) {
          for (const int rank : ranks) ++used[rank];
        }
        for (size_t r = 0; r < slots.size(); ++r) EXPECT_LE(used[r], slots[r]);
      }
    }
  }
}

// In sums of steps no placement takes more time, so that none that is better is left out.
TEST(ProvePlan, FindsTheBestOfAllPlacementsBySumsOfSteps) {
  constexpr double kOperations = 1e7;
  std::mt19937 random(3);
  for (const auto& slots :
       {std::vector{2, 2, 2}, std::vector{3, 2, 1, 1}, std::vector{2, 2, 2, 1}}) {
    for (const bool unlike : {false, true}) {
      std::vector<double> speeds(slots.size(), 1);
      if (unlike) speeds[1] = 2.5;
      const StepMatrix steps = StepMatrix::OfSteps(RandomLayer(5, 600, random));
      const MergedSteps merged = MergedStepsOf(static_cast<int>(slots.size()), kOperations);
      ASSERT_LT(steps.Merged(merged.coarse).num_steps(), steps.Merged(merged.finer).num_steps());
      ASSERT_LT(steps.Merged(merged.finer).num_steps(), steps.num_steps());
      // Any placement to begin with: all others are better than the time that is given for it.
      ProvenPlan plan = {.slots = LayerSlots(slots.size()), .time = 1e9, .bound = 0};
      ProvePlan(steps, slots, speeds, kOperations, plan);
      const double least = LeastMean(steps, slots, speeds);
      EXPECT_TRUE(plan.IsBest());
      EXPECT_NEAR(plan.time, least, 1e-9 * least);
      EXPECT_NEAR(MeanTime(RanksOf(plan.slots, 5), steps, speeds), least, 1e-9 * least);
    }
  }
}

TEST(ProvePlan, RaisesTheBoundNoFurtherThanTheBest) {
  std::mt19937 random(4);
  const std::vector<int> slots = {3, 2, 2, 1};
  const std::vector<double> speeds(4, 1);
  for (const double operations : {1e3, 1e4, 1e5, 3e5, 1e6}) {
    const StepMatrix steps = StepMatrix::OfSteps(RandomLayer(6, 100, random));
    const double least = LeastMean(steps, slots, speeds);
    ProvenPlan plan = {.slots = LayerSlots(4), .time = 2 * least, .bound = 0.8 * least};
    ProvePlan(steps, slots, speeds, operations, plan);
    EXPECT_LE(plan.bound, least * (1 + 1e-9)) << operations;
    EXPECT_GE(plan.time, least * (1 - 1e-9)) << operations;
  }
}

TEST(StepMatrix, MergedStepsAreSumsOfAll) {
  std::mt19937 random(5);
  const StepMatrix steps = StepMatrix::OfSteps(RandomLayer(4, 37, random));
  const StepMatrix merged = steps.Merged(8);
  EXPECT_EQ(merged.num_steps(), 8);
  EXPECT_EQ(merged.sum(), steps.sum());
  for (int e = 0; e < 4; ++e) {
    EXPECT_EQ(std::accumulate(merged.expert(e).begin(), merged.expert(e).end(), 0.0),
              std::accumulate(steps.expert(e).begin(), steps.expert(e).end(), 0.0));
  }
  EXPECT_EQ(steps.Merged(100).num_steps(), 37);
}

TEST(ExactSearch, SaysWhenItHasNotSeenAll) {
  std::mt19937 random(2);
  const LayerCounts layer = RandomLayer(8, 4, random);
  const std::vector<int> slots(8, 2);
  const std::vector<double> speeds(8, 1);
  double sum = 0;
  for (const int64_t tokens : layer.total) sum += static_cast<double>(tokens);
  LayerRanks better;
  ExactSearch search(StepMatrix::OfTotal(layer), slots, speeds);
  EXPECT_EQ(FindBetter(search, sum / 8 * 1.0001, 1000, better), Outcome::kUnknown);
  EXPECT_FALSE(ExactSearch::CanSearch(8, 11, 1));
  EXPECT_FALSE(ExactSearch::CanSearch(33, 2, 1));
  EXPECT_FALSE(ExactSearch::CanSearch(8, 10, 10'000));
}

}  // namespace
}  // namespace octet
