// Softmax, log-sum-exp and the choice of experts on every backend.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/framed_matrix.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsNan;

using SoftmaxConformance = BackendTest;

TEST_P(SoftmaxConformance, AgreesWithArithmeticInDouble) {
  for (const int64_t cols : {1, 7, 16, 33, 300, 2048}) {
    auto x = OwnedMatrix::Random(4, cols, DType::kF32, 3, 30);
    if (cols > 7) x.set(1, 5, -kInf);
    OwnedMatrix y(4, cols);
    const std::vector<float> scales = {1, 1, 0.5F, 4};
    std::vector<float> log_sums(4);
    backend_->Softmax(x.view(), scales, y.view());
    backend_->LogSumExp(x.view(), log_sums);
    for (int64_t r = 0; r < 4; ++r) {
      double sum = 0;
      double scaled_sum = 0;
      for (int64_t c = 0; c < cols; ++c) {
        sum += std::exp(static_cast<double>(x.at(r, c)));
        scaled_sum += std::exp(static_cast<double>(x.at(r, c)) * scales[r]);
      }
      EXPECT_NEAR(log_sums[r], std::log(sum), 1e-5 * (1 + std::abs(std::log(sum))));
      for (int64_t c = 0; c < cols; ++c) {
        const double expected = std::exp(static_cast<double>(x.at(r, c)) * scales[r]) / scaled_sum;
        ASSERT_NEAR(y.at(r, c), expected, 1e-6) << cols;
      }
    }
  }
}

// Alone, in place, as a part of a matrix, and without scales that are 1.
TEST_P(SoftmaxConformance, ARowHasItsBitsAnywhere) {
  const auto x = OwnedMatrix::Random(5, 777, DType::kF32, 4, 3);
  OwnedMatrix all(5, 777);
  std::vector<float> log_sums(5);
  backend_->Softmax(x.view(), std::vector<float>(5, 1), all.view());
  backend_->LogSumExp(x.view(), log_sums);
  const auto other = case_.Make(case_.num_variants);
  OwnedMatrix one(1, 777);
  std::vector<float> log_sum(1);
  other->Softmax(x.view().Rows(4, 1), {}, one.view());
  other->LogSumExp(x.view().Rows(4, 1), log_sum);
  ExpectRows(one, all, 4);
  EXPECT_EQ(log_sum[0], log_sums[4]);
  FramedMatrix part(x);
  other->LogSumExp(part.view(), log_sums);
  EXPECT_EQ(log_sum[0], log_sums[4]);
  other->Softmax(part.view(), {}, part.view());
  part.Expect(all);
}

// Whatever was no number still is none, in every place of a vector.
TEST_P(SoftmaxConformance, WhatIsNotFiniteStaysSo) {
  for (const int64_t cols : {1, 16, 37}) {
    const auto sound = OwnedMatrix::Random(1, cols, DType::kF32, 3, 30);
    OwnedMatrix x(2 * cols, cols);
    for (int64_t r = 0; r < 2 * cols; ++r) {
      for (int64_t c = 0; c < cols; ++c) x.set(r, c, sound.at(0, c));
      x.set(r, r / 2, r % 2 == 0 ? kNan : kInf);
    }
    std::vector<float> log_sums(2 * cols);
    backend_->LogSumExp(x.view(), log_sums);
    backend_->Softmax(x.view(), {}, x.view());
    for (int64_t r = 0; r < 2 * cols; ++r) {
      EXPECT_FALSE(std::isfinite(log_sums[r])) << r;
      for (int64_t c = 0; c < cols; ++c) ASSERT_TRUE(std::isnan(x.at(r, c))) << r << " " << c;
    }
  }
}

TEST_P(SoftmaxConformance, LargeNumbers) {
  OwnedMatrix x(1, 4);
  x.set(0, 0, 3e38F);
  x.set(0, 1, 3e38F);
  x.set(0, 2, -3e38F);
  std::vector<float> log_sum(1);
  backend_->LogSumExp(x.view(), log_sum);
  EXPECT_EQ(log_sum[0], 3e38F);
  backend_->Softmax(x.view(), {}, x.view());
  EXPECT_THAT(std::span(x.view().f32(0), 4), ElementsAre(0.5F, 0.5F, 0, 0));
}

OCTET_ON_EACH_BACKEND(SoftmaxConformance);

class DrawConformance : public BackendTest {};

// For the backend's own probabilities, each row by itself, however many are there at a time.
TEST_P(DrawConformance, TakesTheTokenOfTheFilter) {
  constexpr int64_t kRows = 9;
  constexpr int64_t kVocab = 301;
  auto logits = OwnedMatrix::Random(kRows, kVocab, DType::kF32, 3, 2);
  logits.set(4, 17, kNan);
  logits.set(6, 300, -kInf);
  std::vector<TokenDraw> draws(kRows);
  for (int64_t i = 1; i < kRows; ++i) {
    draws[i] = {.scale = 0.4F + 0.3F * static_cast<float>(i),
                .filter = {.min_p = i % 4 == 1 ? 0.02F : 0,
                           .top_k = i % 3 == 2 ? 20 : 0,
                           .top_p = i % 2 == 0 ? 0.8F : 1},
                .u = static_cast<double>(i) / 16};
  }
  for (const int64_t at_a_time : {kRows, int64_t{4}, int64_t{1}}) {
    OwnedMatrix room(at_a_time, kVocab);
    std::vector<int32_t> tokens(kRows);
    std::vector<int32_t> are_finite(kRows);
    backend_->DrawTokens(logits.view(), draws, room.view(), tokens, are_finite);
    EXPECT_THAT(are_finite, ElementsAre(1, 1, 1, 1, 0, 1, 0, 1, 1));
    for (int64_t i = 0; i < kRows; ++i) {
      const std::span<const float> row(logits.view().f32(i), kVocab);
      int32_t expected = static_cast<int32_t>(std::ranges::max_element(row) - row.begin());
      if (are_finite[i] == 0) continue;
      if (draws[i].scale > 0) {
        OwnedMatrix p(1, kVocab);
        backend_->Softmax(logits.view().Rows(i, 1), {&draws[i].scale, 1}, p.view());
        expected = TokenFilter().Draw({p.view().f32(0), kVocab}, draws[i].filter, draws[i].u);
      }
      EXPECT_EQ(tokens[i], expected) << i << ", " << at_a_time << " rows at a time";
    }
  }
}

OCTET_ON_EACH_BACKEND(DrawConformance);

struct Routes {
  std::vector<int32_t> experts;
  std::vector<float> weights;
};

class RouteConformance : public BackendTest {
 protected:
  static Routes RouteRows(Backend& backend, OwnedMatrix logits, int topk) {
    const auto size = static_cast<size_t>(logits.view().rows * topk);
    Routes routes = {std::vector<int32_t>(size), std::vector<float>(size)};
    backend.Route(logits.view(), topk, routes.experts, routes.weights);
    return routes;
  }
  Routes RouteOne(const std::vector<float>& logits, int topk) {
    OwnedMatrix row(1, std::ssize(logits));
    std::ranges::copy(logits, row.view().f32(0));
    return RouteRows(*backend_, row, topk);
  }
};

TEST_P(RouteConformance, BestFirst) {
  EXPECT_THAT(RouteOne({1, 4, 2, 3}, 2).experts, ElementsAre(1, 3));
  EXPECT_THAT(RouteOne({1, 4, 2, 3}, 1).experts, ElementsAre(1));
  EXPECT_THAT(RouteOne({1, 4, 2, 3}, 4).experts, ElementsAre(1, 3, 2, 0));
  EXPECT_THAT(RouteOne({7, -3, 2}, 1).weights, ElementsAre(1));
}

TEST_P(RouteConformance, EqualsGoToTheLowerExpert) {
  EXPECT_THAT(RouteOne({2, 2, 2, 2}, 2).experts, ElementsAre(0, 1));
  EXPECT_THAT(RouteOne({2, 2, 2, 2}, 2).weights, ElementsAre(0.5F, 0.5F));
  EXPECT_THAT(RouteOne({1, 3, 2, 3, 2}, 3).experts, ElementsAre(1, 3, 2));
  EXPECT_THAT(RouteOne({-1, 0, 0, 5}, 3).experts, ElementsAre(3, 1, 2));
  EXPECT_THAT(RouteOne(std::vector<float>(70, 1), 3).experts, ElementsAre(0, 1, 2));
  std::vector<float> two(70);
  two[65] = two[33] = 1;
  EXPECT_THAT(RouteOne(two, 3).experts, ElementsAre(33, 65, 0));
  // Probabilities that underflow to zero are equal, too.
  EXPECT_THAT(RouteOne({-500, 0, -400, -300}, 4).experts, ElementsAre(1, 0, 2, 3));
  EXPECT_THAT(RouteOne({-500, 0, -400, -300}, 4).weights, ElementsAre(1, 0, 0, 0));
}

// Whatever a damaged model makes of a token, it goes to experts that there are, each once.
TEST_P(RouteConformance, WhatIsNotFiniteGoesToTheFirstExpertsWithoutWeights) {
  for (const std::vector<float>& logits : {std::vector<float>{1, 2, kNan, 3},
                                           {kNan, kNan, kNan, kNan},
                                           {1, kInf, 2, 3},
                                           {-kInf, -kInf, -kInf, -kInf},
                                           {kInf, -kInf, kNan, 0}}) {
    const Routes routes = RouteOne(logits, 3);
    EXPECT_THAT(routes.experts, ElementsAre(0, 1, 2));
    EXPECT_THAT(routes.weights, Each(IsNan()));
  }
  EXPECT_THAT(RouteOne({1, -kInf, 2, 3}, 3).experts, ElementsAre(3, 2, 0));
  EXPECT_THAT(RouteOne({-3e38F, 3e38F, 0, 3e38F}, 2).weights, ElementsAre(0.5F, 0.5F));
}

TEST_P(RouteConformance, TakesTheBestAndTheirShares) {
  constexpr int64_t kTokens = 33;
  for (const auto& [experts, topk] : std::vector<std::pair<int, int>>{
           {8, 2}, {5, 3}, {8, 8}, {1, 1}, {16, 2}, {17, 4}, {64, 6}, {100, 3}, {128, 128}}) {
    const auto logits = OwnedMatrix::Random(kTokens, experts, DType::kF32, 1);
    const Routes routes = RouteRows(*backend_, logits, topk);
    for (int64_t t = 0; t < kTokens; ++t) {
      std::vector<int32_t> order(experts);
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order,
                               [&](int a, int b) { return logits.at(t, a) > logits.at(t, b); });
      const auto p = [&](int expert) { return std::exp(double{logits.at(t, expert)}); };
      double sum = 0;
      for (int slot = 0; slot < topk; ++slot) sum += p(order[slot]);
      for (int slot = 0; slot < topk; ++slot) {
        ASSERT_EQ(routes.experts[t * topk + slot], order[slot]) << t;
        ASSERT_NEAR(routes.weights[t * topk + slot], p(order[slot]) / sum, 1e-6);
      }
    }
  }
}

TEST_P(RouteConformance, ATokenDoesNotDependOnOthers) {
  const auto logits = OwnedMatrix::Random(20, 70, DType::kF32, 3);
  const Routes all = RouteRows(*backend_, logits, 3);
  const auto other = case_.Make(case_.num_variants);
  FramedMatrix part(logits);
  for (int64_t t = 0; t < 20; ++t) {
    Routes one = {std::vector<int32_t>(3), std::vector<float>(3)};
    other->Route(part.view().Rows(t, 1), 3, one.experts, one.weights);
    for (int64_t slot = 0; slot < 3; ++slot) {
      EXPECT_EQ(one.experts[slot], all.experts[3 * t + slot]);
      EXPECT_EQ(one.weights[slot], all.weights[3 * t + slot]);
    }
  }
  EXPECT_TRUE(RouteRows(*backend_, OwnedMatrix(0, 8), 2).experts.empty());
}

OCTET_ON_EACH_BACKEND(RouteConformance);

}  // namespace
}  // namespace octet
