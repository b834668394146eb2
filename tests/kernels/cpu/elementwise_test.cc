#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/base/backend.h"
#include "kernels/base/finite.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

class ElementwiseTest : public testing::TestWithParam<Isa> {
 protected:
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(GetParam(), 2);
};

TEST_P(ElementwiseTest, RmsNorm) {
  for (const int64_t cols : {1, 15, 16, 80, 4096}) {
    const auto x = OwnedMatrix::Random(9, cols, DType::kF32, 1);
    const auto w = OwnedMatrix::Random(1, cols, DType::kF32, 2);
    OwnedMatrix y(9, cols);
    backend_->RmsNorm(x.view(), std::span(w.view().f32(0), cols), 1e-5F, y.view());
    for (int64_t r = 0; r < 9; ++r) {
      double squares = 0;
      for (int64_t c = 0; c < cols; ++c) squares += static_cast<double>(x.at(r, c)) * x.at(r, c);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(cols) + 1e-5);
      for (int64_t c = 0; c < cols; ++c) {
        const double expected = x.at(r, c) * scale * w.at(0, c);
        ASSERT_NEAR(y.at(r, c), expected, 1e-6 * (1 + std::abs(expected))) << cols;
      }
    }
  }
}

TEST_P(ElementwiseTest, SoftmaxAndLogSumExp) {
  for (const int64_t cols : {1, 7, 16, 33, 2048}) {
    auto x = OwnedMatrix::Random(4, cols, DType::kF32, 3, 30);
    if (cols > 7) x.set(1, 5, -std::numeric_limits<float>::infinity());
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

// Whatever was no number still is none, in every place of a vector.
TEST_P(ElementwiseTest, WhatIsNotFiniteStaysSo) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const int64_t cols : {1, 16, 37}) {
    for (int64_t at = 0; at < cols; ++at) {
      for (const float value : {std::numeric_limits<float>::quiet_NaN(), kInf}) {
        auto x = OwnedMatrix::Random(1, cols, DType::kF32, 3, 30);
        x.set(0, at, value);
        OwnedMatrix y(1, cols);
        backend_->Softmax(x.view(), {}, y.view());
        for (int64_t c = 0; c < cols; ++c) ASSERT_TRUE(std::isnan(y.at(0, c))) << at << " " << c;
        const std::vector<float> ones(cols, 1);
        backend_->RmsNorm(x.view(), ones, 1e-5F, y.view());
        for (int64_t c = 0; c < cols; ++c) ASSERT_TRUE(std::isnan(y.at(0, c))) << at << " " << c;
      }
    }
  }
}

// The mean of the squares is infinite, though no number is.
TEST_P(ElementwiseTest, RmsNormOfARowThatOverflowsIsNoNumber) {
  auto x = OwnedMatrix::Random(2, 40, DType::kF32, 3);
  x.set(0, 17, 1e30F);
  OwnedMatrix y(2, 40);
  backend_->RmsNorm(x.view(), std::vector<float>(40, 1), 1e-5F, y.view());
  for (int64_t c = 0; c < 40; ++c) {
    EXPECT_TRUE(std::isnan(y.at(0, c))) << c;
    EXPECT_TRUE(std::isfinite(y.at(1, c))) << c;
  }
}

TEST(Finite, GreatestMagnitude) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const auto of = [](std::vector<float> values) { return GreatestMagnitude(values); };
  EXPECT_EQ(of({}), 0U);
  EXPECT_EQ(of({0, -0.0F}), 0U);
  EXPECT_EQ(of({1, -3, 2}), std::bit_cast<uint32_t>(3.0F));
  EXPECT_EQ(of({1, -kInf, 2}), kInfiniteBits);
  for (int at = 0; at < 70; ++at) {
    for (const float value : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN(),
                              -std::numeric_limits<float>::signaling_NaN()}) {
      std::vector<float> values(70, std::numeric_limits<float>::lowest());
      EXPECT_TRUE(AllFinite(values));
      values[at] = value;
      EXPECT_FALSE(AllFinite(values)) << at;
    }
  }
  EXPECT_EQ(GreatestMagnitude(std::vector<uint16_t>{0x3f80, 0xc040, 0}), 0x40400000U);
  EXPECT_GT(GreatestMagnitude(std::vector<uint16_t>{0x7f80, 0xff81}), kInfiniteBits);
}

TEST_P(ElementwiseTest, WeightedSumAddsInOrderWithRoundedProducts) {
  const auto x = OwnedMatrix::Random(6, 50, DType::kF32, 4);
  RowSums sums = {.offsets = {0, 2, 2 + 3, 6},
                  .rows = {3, 1, 0, 5, 2, 4},
                  .weights = {0.3F, 0.7F, 0.1F, 0.2F, 0.7F, 1},
                  .results = {}};
  const auto expect_sums = [&](const OwnedMatrix& y, int64_t a, int64_t b, int64_t c) {
    for (int64_t i = 0; i < 50; ++i) {
      EXPECT_EQ(y.at(a, i), 0.3F * x.at(3, i) + 0.7F * x.at(1, i));
      EXPECT_EQ(y.at(b, i), 0.1F * x.at(0, i) + 0.2F * x.at(5, i) + 0.7F * x.at(2, i));
      EXPECT_EQ(y.at(c, i), x.at(4, i));
    }
  };
  OwnedMatrix y(3, 50);
  backend_->WeightedSum(x.view(), sums, y.view());
  expect_sums(y, 0, 1, 2);

  sums.results = {4, 0, 2};
  auto spread = OwnedMatrix::Random(5, 50, DType::kF32, 5);
  const OwnedMatrix before = spread;
  backend_->WeightedSum(x.view(), sums, spread.view());
  expect_sums(spread, 4, 0, 2);
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(spread.at(1, i), before.at(1, i));
}

TEST_P(ElementwiseTest, RopeRotatesHalves) {
  const auto cos = OwnedMatrix::Random(10, 4, DType::kF32, 5);
  const auto sin = OwnedMatrix::Random(10, 4, DType::kF32, 6);
  const auto x = OwnedMatrix::Random(2, 16, DType::kF32, 7);  // two heads of 8
  OwnedMatrix y = x;
  backend_->Rope(y.view(), std::vector<int32_t>{9, 3}, {cos.view(), sin.view()});
  for (int64_t row = 0; row < 2; ++row) {
    const int64_t position = row == 0 ? 9 : 3;
    for (int64_t head = 0; head < 16; head += 8) {
      for (int64_t i = 0; i < 4; ++i) {
        const float a = x.at(row, head + i);
        const float b = x.at(row, head + 4 + i);
        EXPECT_EQ(y.at(row, head + i), a * cos.at(position, i) - b * sin.at(position, i));
        EXPECT_EQ(y.at(row, head + 4 + i), b * cos.at(position, i) + a * sin.at(position, i));
      }
    }
  }
}

TEST_P(ElementwiseTest, GatherRowsRoundsAndWidens) {
  const auto x = OwnedMatrix::Random(5, 9, DType::kF32, 8);
  OwnedMatrix rounded(2, 9, DType::kBF16);
  backend_->GatherRows(x.view(), std::vector<int32_t>{4, 0}, rounded.view());
  OwnedMatrix widened(1, 9);
  backend_->GatherRows(rounded.view(), std::vector<int32_t>{1}, widened.view());
  for (int64_t c = 0; c < 9; ++c) {
    EXPECT_EQ(rounded.at(0, c), ToFloat(ToBF16(x.at(4, c))));
    EXPECT_EQ(widened.at(0, c), ToFloat(ToBF16(x.at(0, c))));
  }
}

INSTANTIATE_TEST_SUITE_P(AllPaths, ElementwiseTest, testing::ValuesIn(SupportedIsas()),
                         [](const testing::TestParamInfo<Isa>& test) {
                           return std::string(Name(test.param));
                         });

TEST(Elementwise, PathsAgreeBitForBit) {
  const auto x = OwnedMatrix::Random(3, 1000, DType::kF32, 9, 8);
  const std::vector<float> scales = {1, 2, 0.3F};
  std::vector<std::vector<std::byte>> norms;
  std::vector<std::vector<std::byte>> softmaxes;
  for (const Isa isa : SupportedIsas()) {
    const auto backend = MakeCpuBackend(isa, 1);
    OwnedMatrix y(3, 1000);
    backend->RmsNorm(x.view(), std::span(x.view().f32(0), 1000), 1e-6F, y.view());
    norms.push_back(y.bytes());
    backend->Softmax(x.view(), scales, y.view());
    softmaxes.push_back(y.bytes());
    EXPECT_EQ(norms.back(), norms[0]) << Name(isa);
    EXPECT_EQ(softmaxes.back(), softmaxes[0]) << Name(isa);
  }
}

}  // namespace
}  // namespace octet
