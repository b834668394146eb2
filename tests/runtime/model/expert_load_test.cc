#include "runtime/model/expert_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;

TEST(ExpertLoadTest, AddsUpByLayer) {
  ExpertLoad load(2, 3, 2);
  EXPECT_EQ(load.num_layers(), 2);
  EXPECT_THAT(load.expert_tokens(0), ElementsAre(0, 0, 0));
  DispatchPlan plan;
  plan.expert_tokens = {1, 2, 3};
  plan.rank_tokens = {4, 2};
  load.Add(0, plan);
  plan.expert_tokens = {5, 0, 0};
  plan.rank_tokens = {0, 5};
  load.Add(1, plan);
  plan.expert_tokens = {10, 0, int64_t{1} << 40};
  plan.rank_tokens = {10, int64_t{1} << 40};
  load.Add(0, plan);
  EXPECT_THAT(load.expert_tokens(0), ElementsAre(11, 2, (int64_t{1} << 40) + 3));
  EXPECT_THAT(load.expert_tokens(1), ElementsAre(5, 0, 0));
  EXPECT_THAT(load.rank_tokens(0), ElementsAre(14, (int64_t{1} << 40) + 2));
  EXPECT_THAT(load.rank_tokens(1), ElementsAre(0, 5));
  EXPECT_EQ(load.busiest_rank_tokens(), 4 + 5 + (int64_t{1} << 40));
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
