#include "runtime/model/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsNan;

// Hidden size 1 and x = 1: the logits are the gate's weights.
OwnedMatrix GateOf(const std::vector<float>& logits) {
  OwnedMatrix gate(std::ssize(logits), 1);
  for (int64_t e = 0; e < std::ssize(logits); ++e) gate.set(e, 0, logits[e]);
  return gate;
}

class RouterTest : public testing::TestWithParam<Isa> {
 protected:
  Routing Route(const OwnedMatrix& gate, ConstMatrix x, int topk) {
    const PackedMatrix packed = PackAll(*backend_, gate, DType::kF32);
    Routing routing;
    Router(packed, topk).Route(context_, x, routing);
    return routing;
  }

  Routing RouteOne(const std::vector<float>& logits, int topk) {
    OwnedMatrix x(1, 1);
    x.set(0, 0, 1);
    return Route(GateOf(logits), x.view(), topk);
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend(GetParam(), 1);
  Workspace workspace_{[this](size_t bytes) { return backend_->Allocate(bytes); }};
  PhaseClock clock_;
  ExecutionContext context_{*backend_, workspace_, clock_, DType::kF32};
};

TEST_P(RouterTest, BestFirst) {
  EXPECT_THAT(RouteOne({1, 4, 2, 3}, 2).topk_idx, ElementsAre(1, 3));
  EXPECT_THAT(RouteOne({1, 4, 2, 3}, 1).topk_idx, ElementsAre(1));
  EXPECT_THAT(RouteOne({1, 4, 2, 3}, 4).topk_idx, ElementsAre(1, 3, 2, 0));
}

TEST_P(RouterTest, EqualsGoToTheLowerExpert) {
  EXPECT_THAT(RouteOne({2, 2, 2, 2}, 2).topk_idx, ElementsAre(0, 1));
  EXPECT_THAT(RouteOne({1, 3, 2, 3, 2}, 3).topk_idx, ElementsAre(1, 3, 2));
  EXPECT_THAT(RouteOne({-1, 0, 0, 5}, 3).topk_idx, ElementsAre(3, 1, 2));
  // Probabilities that underflow to zero are equal, too.
  EXPECT_THAT(RouteOne({-500, 0, -400, -300}, 4).topk_idx, ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(RouteOne({-500, 0, -400, -300}, 4).topk_weights, ElementsAre(1, 0, 0, 0));
}

// Whatever a damaged model makes of a token, it goes to experts that there are, each once.
TEST_P(RouterTest, WhatIsNotFiniteGoesToTheFirstExpertsWithoutWeights) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& logits : {std::vector<float>{1, 2, kNan, 3},
                                           {kNan, kNan, kNan, kNan},
                                           {1, kInf, 2, 3},
                                           {-kInf, -kInf, -kInf, -kInf},
                                           {kInf, -kInf, kNan, 0}}) {
    const Routing routing = RouteOne(logits, 3);
    EXPECT_THAT(routing.topk_idx, ElementsAre(0, 1, 2));
    EXPECT_THAT(routing.topk_weights, Each(IsNan()));
  }
  EXPECT_THAT(RouteOne({1, -kInf, 2, 3}, 3).topk_idx, ElementsAre(3, 2, 0));
  EXPECT_THAT(RouteOne({-3e38F, 3e38F, 0, 3e38F}, 2).topk_weights, ElementsAre(0.5F, 0.5F));
}

TEST_P(RouterTest, WeightsSumToOne) {
  EXPECT_THAT(RouteOne({7, -3, 2}, 1).topk_weights, ElementsAre(1));
  EXPECT_THAT(RouteOne({2, 2, 2, 2}, 2).topk_weights, ElementsAre(0.5F, 0.5F));
}

// softmax(x gate^T) over all experts, the best k, renormalised: in double, with loops.
TEST_P(RouterTest, EqualsTheReference) {
  for (const auto& [experts, topk] : std::vector<std::pair<int, int>>{
           {8, 2}, {5, 3}, {8, 8}, {1, 1}, {16, 2}, {17, 4}, {64, 6}}) {
    const auto gate = OwnedMatrix::Random(experts, 80, DType::kF32, 1, 0.2);
    const auto x = OwnedMatrix::Random(33, 80, DType::kF32, 2);
    const Routing routing = Route(gate, x.view(), topk);
    ASSERT_EQ(routing.num_tokens, 33);
    ASSERT_EQ(routing.topk, topk);
    for (int64_t t = 0; t < 33; ++t) {
      std::vector<double> p(experts);
      for (int e = 0; e < experts; ++e) {
        double logit = 0;
        for (int64_t k = 0; k < 80; ++k) logit += static_cast<double>(x.at(t, k)) * gate.at(e, k);
        p[e] = std::exp(logit);
      }
      std::vector<int32_t> order(experts);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
      double sum = 0;
      for (int slot = 0; slot < topk; ++slot) sum += p[order[slot]];
      for (int slot = 0; slot < topk; ++slot) {
        ASSERT_EQ(routing.topk_idx[t * topk + slot], order[slot]) << t;
        ASSERT_NEAR(routing.topk_weights[t * topk + slot], p[order[slot]] / sum, 1e-6);
      }
    }
  }
}

TEST_P(RouterTest, ATokenDoesNotDependOnOthers) {
  const auto gate = OwnedMatrix::Random(8, 96, DType::kF32, 3, 0.2);
  const auto x = OwnedMatrix::Random(50, 96, DType::kF32, 4);
  const Routing all = Route(gate, x.view(), 2);
  for (int64_t t = 0; t < 50; ++t) {
    const Routing one = Route(gate, x.view().Rows(t, 1), 2);
    EXPECT_THAT(one.topk_idx, ElementsAre(all.topk_idx[2 * t], all.topk_idx[2 * t + 1]));
    EXPECT_THAT(one.topk_weights,
                ElementsAre(all.topk_weights[2 * t], all.topk_weights[2 * t + 1]));
  }
}

TEST_P(RouterTest, ShrinksToNoTokens) {
  const PackedMatrix gate =
      PackAll(*backend_, OwnedMatrix::Random(8, 16, DType::kF32, 5), DType::kF32);
  const auto x = OwnedMatrix::Random(9, 16, DType::kF32, 6);
  const Router router(gate, 2);
  Routing routing;
  router.Route(context_, x.view(), routing);
  EXPECT_EQ(routing.topk_idx.size(), 18U);
  router.Route(context_, x.view().Rows(0, 0), routing);
  EXPECT_EQ(routing.num_tokens, 0);
  EXPECT_TRUE(routing.topk_idx.empty());
  EXPECT_TRUE(routing.topk_weights.empty());
}

// A broken checkpoint can give NaN: the choice stays one that the exchange can carry.
TEST_P(RouterTest, NanStillChoosesExpertsThatExist) {
  const Routing routing = RouteOne({1, std::nanf(""), 2, 3}, 2);
  for (const int32_t expert : routing.topk_idx) {
    EXPECT_GE(expert, 0);
    EXPECT_LT(expert, 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, RouterTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet
