#include "runtime/model/expert_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;

TEST(ExpertLoadTest, AddsUpByLayer) {
  // Rank 1 of 2 has the experts 1 and 3 of each layer.
  const ExpertPlacement placement = *ExpertPlacement::Parse("round-robin", {2, 4, 2});
  ExpertLoad load(placement, 1);
  EXPECT_EQ(load.num_layers(), 2);
  EXPECT_THAT(load.expert_tokens(0), ElementsAre(0, 0, 0, 0));
  ExpertPlan plan;
  plan.offsets = {0, 2, 5};
  plan.rows.resize(5);
  load.Add(0, plan);
  load.Add(0, plan);
  plan.offsets = {0, 0, 1};
  plan.rows.resize(1);
  load.Add(1, plan);
  EXPECT_THAT(load.expert_tokens(0), ElementsAre(0, 4, 0, 6));
  EXPECT_THAT(load.expert_tokens(1), ElementsAre(0, 0, 0, 1));
  EXPECT_EQ(load.rank_tokens(0), 10);
  EXPECT_EQ(load.rank_tokens(1), 1);
}

TEST(BalancednessTest, IsMeanOverMax) {
  EXPECT_EQ(Balancedness(std::vector<int64_t>{5, 5, 5}), 1);
  EXPECT_EQ(Balancedness(std::vector<int64_t>{8, 0, 0, 0}), 0.25);
  EXPECT_EQ(Balancedness(std::vector<int64_t>{1, 3}), 2.0 / 3);
  EXPECT_EQ(Balancedness(std::vector<int64_t>{7}), 1);
  EXPECT_EQ(Balancedness(std::vector<int64_t>{0, 0}), 1);
}

}  // namespace
}  // namespace octet
