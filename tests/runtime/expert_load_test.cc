#include "runtime/expert_load.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;

ExpertPlacement PlacementOf(const std::string& text, PlacementShape shape) {
  Placement proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto));
  return ExpertPlacement::FromProto(proto, shape).value();
}

TEST(ExpertLoadTest, AddsUpByLayer) {
  ExpertLoad load(2, 3);
  EXPECT_EQ(load.num_layers(), 2);
  EXPECT_THAT(load.tokens(0), ElementsAre(0, 0, 0));
  load.Add(0, std::vector<int64_t>{1, 2, 3});
  load.Add(1, std::vector<int64_t>{5, 0, 0});
  load.Add(0, std::vector<int64_t>{10, 0, int64_t{1} << 40});
  EXPECT_THAT(load.tokens(0), ElementsAre(11, 2, (int64_t{1} << 40) + 3));
  EXPECT_THAT(load.tokens(1), ElementsAre(5, 0, 0));
}

TEST(ExpertLoadTest, RankLoadFollowsThePlacement) {
  ExpertLoad load(2, 4);
  load.Add(0, std::vector<int64_t>{1, 2, 4, 8});
  load.Add(1, std::vector<int64_t>{10, 0, 0, 1});
  const PlacementShape shape = {.num_layers = 2, .num_experts = 4, .num_ranks = 2};
  const auto contiguous = ExpertPlacement::Parse("contiguous", shape).value();
  EXPECT_THAT(load.RankLoad(0, contiguous), ElementsAre(3, 12));
  EXPECT_THAT(load.RankLoad(1, contiguous), ElementsAre(10, 1));
  const auto round_robin = ExpertPlacement::Parse("round-robin", shape).value();
  EXPECT_THAT(load.RankLoad(0, round_robin), ElementsAre(5, 10));
}

TEST(ExpertLoadTest, ReplicasShareAndRanksWithoutExpertsHaveNothing) {
  ExpertLoad load(1, 2);
  load.Add(0, std::vector<int64_t>{9, 4});
  const auto placement =
      PlacementOf("layers { experts { ranks: [0, 1, 3] } experts { ranks: 1 } }", {1, 2, 4});
  EXPECT_THAT(load.RankLoad(0, placement), ElementsAre(3, 7, 0, 3));
}

TEST(BalancednessTest, IsMeanOverMax) {
  EXPECT_EQ(Balancedness(std::vector<double>{5, 5, 5}), 1);
  EXPECT_EQ(Balancedness(std::vector<double>{8, 0, 0, 0}), 0.25);
  EXPECT_EQ(Balancedness(std::vector<double>{1, 3}), 2.0 / 3);
  EXPECT_EQ(Balancedness(std::vector<double>{7}), 1);
  EXPECT_EQ(Balancedness(std::vector<double>{0, 0}), 1);
}

}  // namespace
}  // namespace octet
