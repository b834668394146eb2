#include "parallel/placement/expert_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace octet {
namespace {

using testing::AnyOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ExpertPlacement, ContiguousSpreadsAnyNumberOfExperts) {
  const auto p = ExpertPlacement::Parse("contiguous", {1, 8, 3});
  EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(p->LocalExperts(0, 1), ElementsAre(3, 4, 5));
  EXPECT_THAT(p->LocalExperts(0, 2), ElementsAre(6, 7));
}

TEST(ExpertPlacement, RoundRobinDealsExpertsOut) {
  const auto p = ExpertPlacement::Parse("round-robin", {1, 8, 3});
  EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(0, 3, 6));
  EXPECT_THAT(p->LocalExperts(0, 2), ElementsAre(2, 5));
}

constexpr const char* kSpecs[] = {"contiguous", "round-robin", "random:1"};

std::vector<int> PairsOfRanks(const ExpertPlacement& p, int num_layers) {
  std::vector<int> pairs(p.num_ranks());
  for (int r = 0; r < p.num_ranks(); ++r) {
    for (int l = 0; l < num_layers; ++l) pairs[r] += static_cast<int>(p.LocalExperts(l, r).size());
  }
  return pairs;
}

TEST(ExpertPlacement, MoreRanksThanExpertsShareThePairsOfLayersAndExperts) {
  for (const char* spec : kSpecs) {
    for (const int num_ranks : {5, 12, 16, 100, 128}) {
      const PlacementShape shape = {32, 4, num_ranks};
      const auto p = ExpertPlacement::Parse(spec, shape);
      EXPECT_THAT(p->IdleRanks(), IsEmpty());
      EXPECT_THAT(PairsOfRanks(*p, shape.num_layers),
                  Each(AnyOf(128 / num_ranks, (128 + num_ranks - 1) / num_ranks)))
          << spec << " on " << num_ranks;
      for (int r = 0; r < num_ranks; ++r) {
        for (int l = 0; l < shape.num_layers; ++l) {
          EXPECT_LE(p->LocalExperts(l, r).size(), 1U) << spec << ", layer " << l << ", rank " << r;
        }
      }
    }
  }
}

TEST(ExpertPlacement, MostPairsIsOfTheFullestRank) {
  for (const char* spec : kSpecs) {
    for (int num_ranks = 1; num_ranks <= 40; ++num_ranks) {
      const PlacementShape shape = {4, 8, num_ranks};
      const std::vector<int> pairs = PairsOfRanks(*ExpertPlacement::Parse(spec, shape), 4);
      EXPECT_EQ(*std::max_element(pairs.begin(), pairs.end()), ExpertPlacement::MostPairs(shape))
          << spec << " on " << num_ranks;
    }
  }
}

TEST(ExpertPlacement, MoreRanksThanPairsLeaveSomeIdle) {
  for (const char* spec : kSpecs) {
    EXPECT_THAT(ExpertPlacement::Parse(spec, {2, 4, 12})->IdleRanks(), SizeIs(4)) << spec;
  }
  EXPECT_THAT(ExpertPlacement::Parse("round-robin", {2, 4, 12})->IdleRanks(),
              ElementsAre(8, 9, 10, 11));
}

TEST(ExpertPlacement, ByRoomGivesSharesOfTheRoom) {
  const auto pairs = [](const std::vector<int64_t>& rooms) {
    const PlacementShape shape = {4, 8, static_cast<int>(rooms.size())};
    return PairsOfRanks(ExpertPlacement::ByRoom(shape, rooms), 4);
  };
  EXPECT_THAT(pairs({10, 10}), ElementsAre(16, 16));
  EXPECT_THAT(pairs({30, 10}), ElementsAre(24, 8));
  EXPECT_THAT(pairs({0, 5, 0, 5, 0}), ElementsAre(0, 16, 0, 16, 0));
  EXPECT_THAT(pairs({-3, 1}), ElementsAre(0, 32));
  EXPECT_THAT(pairs({0, 0}), ElementsAre(16, 16));
  EXPECT_THAT(pairs({int64_t{1} << 62, int64_t{1} << 62}), ElementsAre(16, 16));
}

TEST(ExpertPlacement, SharesWeighRanks) {
  const PlacementShape shape = {4, 8, 3};
  const auto p = ExpertPlacement::Parse("shares:2,1,1", shape);
  EXPECT_THAT(PairsOfRanks(*p, 4), ElementsAre(16, 8, 8));
  EXPECT_THAT(p->LocalExperts(3, 0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(PairsOfRanks(*ExpertPlacement::Parse("shares:1000000,0,1", shape), 4),
              ElementsAre(32, 0, 0));
  for (const char* wrong : {"shares:", "shares:1,2", "shares:1,2,3,4", "shares:0,0,0",
                            "shares:1,-1,2", "shares:1,1000001,1", "shares:1,,1"}) {
    EXPECT_FALSE(ExpertPlacement::Parse(wrong, shape).ok()) << wrong;
  }
}

TEST(ExpertPlacement, ByRoomFillsNoRankBeyondItsRoom) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::vector<int64_t> rooms(1 + random() % 12);
    for (int64_t& room : rooms) room = random() % 9;
    const int64_t total = std::reduce(rooms.begin(), rooms.end());
    if (total < 24) continue;
    const auto p = ExpertPlacement::ByRoom({3, 8, static_cast<int>(rooms.size())}, rooms);
    const std::vector<int> pairs = PairsOfRanks(p, 3);
    EXPECT_EQ(std::reduce(pairs.begin(), pairs.end()), 24);
    for (size_t r = 0; r < rooms.size(); ++r) EXPECT_LE(pairs[r], rooms[r]);
  }
}

TEST(ExpertPlacement, ContiguousKeepsLayersOfAnExpertTogether) {
  const auto p = ExpertPlacement::Parse("contiguous", {4, 2, 4});
  EXPECT_THAT(p->ranks(0, 0), ElementsAre(0));
  EXPECT_THAT(p->ranks(1, 0), ElementsAre(0));
  EXPECT_THAT(p->ranks(2, 0), ElementsAre(1));
  EXPECT_THAT(p->ranks(3, 1), ElementsAre(3));
}

TEST(ExpertPlacement, RandomIsBalancedAndDependsOnSeedAndLayer) {
  const auto a = ExpertPlacement::Parse("random:1", {2, 16, 4});
  const auto again = ExpertPlacement::Parse("random:1", {2, 16, 4});
  const auto b = ExpertPlacement::Parse("random:2", {2, 16, 4});
  for (int r = 0; r < 4; ++r) {
    EXPECT_EQ(a->LocalExperts(0, r).size(), 4U);
    EXPECT_EQ(a->LocalExperts(0, r), again->LocalExperts(0, r));
  }
  EXPECT_NE(a->LocalExperts(0, 0), b->LocalExperts(0, 0));
  EXPECT_NE(a->LocalExperts(0, 0), a->LocalExperts(1, 0));
}

TEST(ExpertPlacement, SaysWhatIsWrong) {
  const auto message = [](const char* spec) {
    return std::string(ExpertPlacement::Parse(spec, {1, 2, 3}).status().message());
  };
  EXPECT_THAT(message("diagonal"),
              HasSubstr("must be contiguous, round-robin, random:SEED or shares:A,B"));
  for (const char* seed : {"random:", "random:x", "random:-1", "random: 1", "random:+1",
                           "random:0x1", "random:18446744073709551616"}) {
    EXPECT_THAT(message(seed), HasSubstr("must be a whole number from 0 to 18446744073709551615"))
        << seed;
  }
  EXPECT_TRUE(ExpertPlacement::Parse("random:18446744073709551615", {1, 2, 3}).ok());
}

TEST(ExpertPlacement, ManyRanksAndExpertsDontOverflow) {
  const auto p = ExpertPlacement::Parse("contiguous", {1, 50'000, 65'536});
  EXPECT_THAT(p->ranks(0, 49'999), ElementsAre(65'534));
}

}  // namespace
}  // namespace octet
