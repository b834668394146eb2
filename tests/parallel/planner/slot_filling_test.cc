#include "parallel/planner/slot_filling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/swap_search.h"
#include "tests/parallel/planner/planner_reference.h"

namespace octet {
namespace {

using testing::Contains;
using testing::UnorderedElementsAre;

double TimeOf(const LayerSlots& slots, const LayerCounts& layer,
              const std::vector<double>& speeds) {
  BusiestRank busiest(speeds);
  return busiest.Mean(RanksOf(slots, layer.num_experts()), StepMatrix::OfTotal(layer));
}

// How often each expert has a slot. No rank may have one twice, or more than its slots.
std::map<int32_t, int> CopiesOf(const LayerSlots& slots, const std::vector<int>& most) {
  std::map<int32_t, int> copies;
  for (size_t r = 0; r < slots.size(); ++r) {
    EXPECT_LE(std::ssize(slots[r]), most[r]);
    std::vector<int32_t> experts = slots[r];
    std::ranges::sort(experts);
    EXPECT_EQ(std::ranges::adjacent_find(experts), experts.end());
    for (const int32_t e : experts) ++copies[e];
  }
  return copies;
}

// Expert 0 has the tokens of two ranks and a half.
TEST(FillWithin, AHeavyExpertFillsRanksBesideTheLightest) {
  const std::vector<int64_t> tokens = {21, 7, 4, 3, 1, 1, 3};
  const LayerSlots slots =
      FillWithin(10, tokens, std::vector{2, 2, 3, 2}, std::vector<double>(4, 1));
  EXPECT_THAT(slots[0], UnorderedElementsAre(0, 4));
  EXPECT_THAT(slots[1], UnorderedElementsAre(0, 5));
  const LayerCounts layer = {.total = tokens, .steps = {}, .sets = {}};
  EXPECT_DOUBLE_EQ(TimeOf(slots, layer, std::vector<double>(4, 1)), 10);
}

TEST(FillWithin, AFasterRankTakesMore) {
  const std::vector<double> speeds = {1, 3};
  const std::vector<int64_t> tokens = {9, 3};
  EXPECT_THAT(FillWithin(3, tokens, std::vector{1, 1}, speeds)[1], UnorderedElementsAre(0));
}

TEST(FillWithin, SlotsThatAreLeftHaveExpertsToo) {
  const std::vector<int64_t> tokens = {1, 4, 2};
  const LayerSlots slots = FillWithin(100, tokens, std::vector{3, 1, 2}, std::vector<double>(3, 1));
  EXPECT_EQ(slots[0].size() + slots[1].size() + slots[2].size(), 6U);
  for (const auto& of_rank : slots) EXPECT_THAT(of_rank, Contains(1));
}

TEST(SwapBusiest, IsNeverWorseAndKeepsTheCopies) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const int num_ranks = 2 + static_cast<int>(random() % 6);
    const int num_experts = num_ranks + static_cast<int>(random() % 20);
    std::vector<int> slots(num_ranks, (num_experts + num_ranks - 1) / num_ranks);
    slots[0] += static_cast<int>(random() % 3);
    std::vector<double> speeds(num_ranks, 1);
    if (round % 3 == 0) speeds.back() = 2;
    const LayerCounts layer = RandomLayer(num_experts, 20, random);
    const LayerSlots filled = FillGreedily(layer.total, slots, speeds);
    const LayerSlots swapped = SwapBusiest(filled, layer.total, speeds);
    EXPECT_EQ(CopiesOf(swapped, slots), CopiesOf(filled, slots));
    EXPECT_LE(TimeOf(swapped, layer, speeds), TimeOf(filled, layer, speeds) * (1 + 1e-3));
    const LayerSlots within = FillWithin(TimeOf(filled, layer, speeds), layer.total, slots, speeds);
    EXPECT_EQ(CopiesOf(within, slots).size(), layer.total.size());
  }
}

// Ranks with 9, 4 and 3 tokens get 6, 5 and 5.
TEST(SwapBusiest, ExchangesWhatMakesBothLessBusy) {
  const std::vector<int64_t> tokens = {5, 4, 3, 1, 2, 1};
  const std::vector<double> speeds = {1, 1, 1};
  const LayerCounts layer = {.total = tokens, .steps = {}, .sets = {}};
  const LayerSlots swapped = SwapBusiest({{0, 1}, {2, 3}, {4, 5}}, tokens, speeds);
  EXPECT_DOUBLE_EQ(TimeOf(swapped, layer, speeds), 6);
}

}  // namespace
}  // namespace octet
