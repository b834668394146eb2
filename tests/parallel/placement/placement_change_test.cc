#include "parallel/placement/placement_change.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace octet {
namespace {

using testing::ElementsAre;

constexpr PlacementShape kShape = {.num_layers = 2, .num_experts = 4, .num_ranks = 2};

// ranks: of each expert, the same in both layers.
ExpertPlacement Alike(const std::vector<std::vector<int32_t>>& ranks) {
  std::vector<std::vector<int32_t>> both = ranks;
  both.insert(both.end(), ranks.begin(), ranks.end());
  return ExpertPlacement::FromRanks(kShape, both);
}

const ExpertPlacement& Contiguous() {
  static const ExpertPlacement placement = Alike({{0}, {0}, {1}, {1}});
  return placement;
}

TEST(PlacementChange, NamesTheRanksToWhichAnExpertComes) {
  const ExpertPlacement target = Alike({{1}, {0, 1}, {1}, {0}});
  EXPECT_THAT(NewRanks(Contiguous(), target, 0, 0), ElementsAre(1));
  EXPECT_THAT(NewRanks(Contiguous(), target, 1, 1), ElementsAre(1));
  EXPECT_THAT(NewRanks(Contiguous(), target, 0, 2), ElementsAre());
  EXPECT_FALSE(IsSameLayer(Contiguous(), target, 0));
  EXPECT_TRUE(IsSameLayer(target, target, 1));
}

TEST(PlacementChange, RanksThatHoldTheSameUnderAnotherNameMoveNothing) {
  const ExpertPlacement mirrored = Alike({{1}, {1}, {0}, {0}});
  EXPECT_EQ(RenameRanks(Contiguous(), mirrored).ToString(), Contiguous().ToString());
}

// The partition of experts and the number that each rank has stay.
TEST(PlacementChange, RenamingMovesNoMoreThanBeforeAndKeepsSizes) {
  const PlacementShape shape = {.num_layers = 3, .num_experts = 8, .num_ranks = 3};
  for (int seed = 1; seed < 50; ++seed) {
    const auto now = ExpertPlacement::Parse(absl::StrCat("random:", seed), shape).value();
    const auto target = ExpertPlacement::Parse(absl::StrCat("random:", 100 + seed), shape).value();
    const ExpertPlacement renamed = RenameRanks(now, target);
    const auto count_moves = [&](const ExpertPlacement& to) {
      size_t moves = 0;
      for (int l = 0; l < 3; ++l) {
        for (int e = 0; e < 8; ++e) moves += NewRanks(now, to, l, e).size();
      }
      return moves;
    };
    EXPECT_LE(count_moves(renamed), count_moves(target)) << seed;
    for (int l = 0; l < 3; ++l) {
      for (int r = 0; r < 3; ++r) {
        EXPECT_EQ(renamed.LocalExperts(l, r).size(), target.LocalExperts(l, r).size()) << seed;
      }
      for (int a = 0; a < 8; ++a) {
        for (int b = 0; b < 8; ++b) {
          EXPECT_EQ(renamed.ranks(l, a)[0] == renamed.ranks(l, b)[0],
                    target.ranks(l, a)[0] == target.ranks(l, b)[0]);
        }
      }
    }
  }
}

TEST(PlacementChange, OnlyLayersWhoseBusiestRankGetsLessChange) {
  const ExpertPlacement target = Alike({{0}, {1}, {0}, {1}});
  const ExpertPlacement result =
      KeepUnlessBetter(Contiguous(), target, {{9, 9, 1, 1}, {9, 1, 9, 1}});
  EXPECT_TRUE(IsSameLayer(result, target, 0));
  EXPECT_TRUE(IsSameLayer(result, Contiguous(), 1));
}

// A swap of two experts needs room for one more on each rank while it lasts.
TEST(PlacementChange, LayersForWhichThereIsNoRoomStay) {
  const ExpertPlacement target = Alike({{0}, {1}, {0}, {1}});
  int num_kept = 0;
  EXPECT_EQ(KeepWithoutRoom(Contiguous(), target, std::vector<int64_t>{5, 5}, num_kept).ToString(),
            target.ToString());
  EXPECT_EQ(num_kept, 0);
  EXPECT_EQ(KeepWithoutRoom(Contiguous(), target, std::vector<int64_t>{5, 4}, num_kept).ToString(),
            Contiguous().ToString());
  EXPECT_EQ(num_kept, 2);
  const ExpertPlacement all = Alike({{0, 1}, {0, 1}, {0, 1}, {0, 1}});
  const ExpertPlacement half =
      KeepWithoutRoom(Contiguous(), all, std::vector<int64_t>{6, 8}, num_kept);
  EXPECT_TRUE(IsSameLayer(half, all, 0));
  EXPECT_TRUE(IsSameLayer(half, Contiguous(), 1));
  EXPECT_EQ(num_kept, 1);
}

}  // namespace
}  // namespace octet
