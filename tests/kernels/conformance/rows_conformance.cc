// Operations on rows on every backend: those that have but one right result are compared with it
// bit for bit.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/framed_matrix.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

class RowsConformance : public BackendTest {
 protected:
  OwnedMatrix Norm(Backend& backend, ConstMatrix x, const OwnedMatrix& w) const {
    OwnedMatrix y(x.rows, x.cols);
    backend.RmsNorm(x, std::span(w.view().f32(0), x.cols), 1e-5F, y.view());
    return y;
  }
};

TEST_P(RowsConformance, RmsNorm) {
  for (const int64_t cols : {1, 15, 16, 80, 257, 4096}) {
    const auto x = OwnedMatrix::Random(9, cols, DType::kF32, 1);
    const auto w = OwnedMatrix::Random(1, cols, DType::kF32, 2);
    const OwnedMatrix y = Norm(*backend_, x.view(), w);
    for (int64_t r = 0; r < 9; ++r) {
      double squares = 0;
      for (int64_t c = 0; c < cols; ++c) squares += static_cast<double>(x.at(r, c)) * x.at(r, c);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(cols) + 1e-5);
      for (int64_t c = 0; c < cols; ++c) {
        const double expected = x.at(r, c) * scale * w.at(0, c);
        ASSERT_NEAR(y.at(r, c), expected, 1e-6 * (1 + std::abs(expected))) << cols;
      }
    }
    ExpectRows(Norm(*case_.Make(case_.num_variants), x.view().Rows(7, 2), w), y, 7);
    FramedMatrix to(9, cols);
    backend_->RmsNorm(FramedMatrix(x).view(), std::span(w.view().f32(0), cols), 1e-5F, to.view());
    to.Expect(y);
  }
}

// Whatever was no number still is none, in every place of a vector.
TEST_P(RowsConformance, RmsNormOfWhatIsNotFinite) {
  for (const int64_t cols : {1, 16, 37}) {
    const OwnedMatrix sound = OwnedMatrix::Random(1, cols, DType::kF32, 3, 30);
    OwnedMatrix ones(1, cols);
    OwnedMatrix x(2 * cols, cols);
    for (int64_t c = 0; c < cols; ++c) {
      ones.set(0, c, 1);
      for (int64_t r = 0; r < 2 * cols; ++r) x.set(r, c, sound.at(0, c));
    }
    for (int64_t r = 0; r < 2 * cols; ++r) x.set(r, r / 2, r % 2 == 0 ? kNan : kInf);
    const OwnedMatrix y = Norm(*backend_, x.view(), ones);
    for (int64_t r = 0; r < 2 * cols; ++r) {
      for (int64_t c = 0; c < cols; ++c) ASSERT_TRUE(std::isnan(y.at(r, c))) << r << " " << c;
    }
  }
}

// The mean of the squares is infinite, though no number is.
TEST_P(RowsConformance, RmsNormOfARowThatOverflowsIsNoNumber) {
  auto x = OwnedMatrix::Random(2, 40, DType::kF32, 3);
  x.set(0, 17, 1e30F);
  OwnedMatrix ones(1, 40);
  for (int64_t c = 0; c < 40; ++c) ones.set(0, c, 1);
  const OwnedMatrix y = Norm(*backend_, x.view(), ones);
  for (int64_t c = 0; c < 40; ++c) {
    EXPECT_TRUE(std::isnan(y.at(0, c))) << c;
    EXPECT_TRUE(std::isfinite(y.at(1, c))) << c;
  }
}

TEST_P(RowsConformance, Add) {
  for (const int64_t cols : {1, 17, 300}) {
    const auto x = OwnedMatrix::Random(3, cols, DType::kF32, 4);
    const auto y = OwnedMatrix::Random(3, cols, DType::kF32, 5);
    OwnedMatrix expected(3, cols);
    for (int64_t r = 0; r < 3; ++r) {
      for (int64_t c = 0; c < cols; ++c) expected.set(r, c, y.at(r, c) + x.at(r, c));
    }
    FramedMatrix sum(y);
    backend_->Add(FramedMatrix(x).view(), sum.view());
    sum.Expect(expected);
  }
}

// Every kind of number, and those next to where rounding changes its direction.
OwnedMatrix DifficultNumbers() {
  std::vector<float> numbers = {0,
                                -0.0F,
                                kInf,
                                -kInf,
                                kNan,
                                -kNan,
                                std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::lowest(),
                                std::numeric_limits<float>::signaling_NaN()};
  for (const uint32_t bits : {0x1U, 0x8000U, 0x7fffU, 0x8001U, 0x80018000U, 0x7fffffU, 0x800000U,
                              0x3f808000U, 0x3f818000U, 0x3f807fffU, 0x3f808001U, 0x7f7f7fffU,
                              0x7f7f8000U, 0x7f800001U, 0xffffffffU}) {
    numbers.push_back(std::bit_cast<float>(bits));
  }
  OwnedMatrix m = OwnedMatrix::Random(5, 301, DType::kF32, 8);
  for (int64_t i = 0; i < std::ssize(numbers); ++i) m.view().f32(i % 5)[12 * i] = numbers[i];
  return m;
}

// x as y's dtype, element by element.
void ExpectConverted(const OwnedMatrix& x, int64_t x_row, const OwnedMatrix& y, int64_t y_row) {
  const auto element = [](const OwnedMatrix& m, int64_t row, int64_t col) {
    uint32_t bits = 0;
    std::memcpy(&bits, m.view().row(row) + col * SizeOf(m.view().dtype), SizeOf(m.view().dtype));
    return bits;
  };
  const auto from_bf16 = x.view().dtype == DType::kBF16;
  const auto to_bf16 = y.view().dtype == DType::kBF16;
  for (int64_t c = 0; c < x.view().cols; ++c) {
    const uint32_t bits = element(x, x_row, c);
    uint32_t expected = bits;
    if (to_bf16 && !from_bf16) expected = ToBF16(std::bit_cast<float>(bits)).bits;
    if (!to_bf16 && from_bf16) expected = bits << 16;
    ASSERT_EQ(element(y, y_row, c), expected) << std::hex << bits << ", column " << c;
  }
}

TEST_P(RowsConformance, ConvertAndGatherRowsRoundToNearestEven) {
  const OwnedMatrix x = DifficultNumbers();
  OwnedMatrix rounded(5, 301, DType::kBF16);
  backend_->Convert(x.view(), rounded.view());
  const std::vector<int32_t> rows = {4, 0, 4, 2, 1, 3, 3};
  for (const OwnedMatrix* from : {&x, static_cast<const OwnedMatrix*>(&rounded)}) {
    for (const DType to : {DType::kF32, DType::kBF16}) {
      OwnedMatrix converted(5, 301, to);
      backend_->Convert(from->view(), converted.view());
      for (int64_t r = 0; r < 5; ++r) ExpectConverted(*from, r, converted, r);
      OwnedMatrix gathered(7, 301, to);
      backend_->GatherRows(from->view(), rows, gathered.view());
      for (int64_t r = 0; r < 7; ++r) ExpectConverted(*from, rows[r], gathered, r);
    }
  }
  OwnedMatrix none(0, 301);
  backend_->GatherRows(x.view(), {}, none.view());
  backend_->Convert(x.view().Rows(0, 0), none.view());
}

TEST_P(RowsConformance, PartsOfMatricesAreConvertedAndGathered) {
  const auto x = OwnedMatrix::Random(4, 37, DType::kF32, 1);
  OwnedMatrix expected(4, 37, DType::kBF16);
  for (int64_t r = 0; r < 4; ++r) {
    for (int64_t c = 0; c < 37; ++c) expected.set(r, c, x.at(3 - r, c));
  }
  const FramedMatrix from(x);
  FramedMatrix y(4, 37, DType::kBF16);
  backend_->GatherRows(from.view(), std::vector<int32_t>{3, 2, 1, 0}, y.view());
  y.Expect(expected);
  FramedMatrix same(4, 37);
  backend_->Convert(from.view(), same.view());
  same.Expect(x);
}

TEST_P(RowsConformance, WeightedSumAddsInOrderWithRoundedProducts) {
  for (const int64_t cols : {50, 300}) {
    const auto x = OwnedMatrix::Random(6, cols, DType::kF32, 4);
    RowSums sums = {.offsets = {0, 2, 2 + 3, 6},
                    .rows = {3, 1, 0, 5, 2, 4},
                    .weights = {0.3F, 0.7F, 0.1F, 0.2F, 0.7F, 1},
                    .results = {}};
    OwnedMatrix expected(5, cols);
    for (int64_t i = 0; i < cols; ++i) {
      expected.set(0, i, 0.3F * x.at(3, i) + 0.7F * x.at(1, i));
      expected.set(1, i, 0.1F * x.at(0, i) + 0.2F * x.at(5, i) + 0.7F * x.at(2, i));
      expected.set(2, i, x.at(4, i));
    }
    OwnedMatrix y(3, cols);
    backend_->WeightedSum(x.view(), sums, y.view());
    ExpectRows(y, expected, 0);

    sums.results = {4, 0, 2};
    FramedMatrix spread(expected);
    backend_->WeightedSum(FramedMatrix(x).view(), sums, spread.view());
    OwnedMatrix in_places = expected;
    for (int64_t i = 0; i < cols; ++i) {
      in_places.set(4, i, y.at(0, i));
      in_places.set(0, i, y.at(1, i));
    }
    spread.Expect(in_places);
  }
}

// A sum of one row has its sign and its bits, and no row is -0, to which all can be added.
TEST_P(RowsConformance, WeightedSumBeginsWithMinusZero) {
  OwnedMatrix x(2, 3);
  for (int64_t c = 0; c < 3; ++c) x.set(0, c, c == 0 ? -0.0F : c == 1 ? 0.0F : kInf);
  const RowSums sums = {.offsets = {0, 1, 1}, .rows = {0}, .weights = {1}, .results = {}};
  auto y = OwnedMatrix::Random(2, 3, DType::kF32, 1);
  backend_->WeightedSum(x.view(), sums, y.view());
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_EQ(std::bit_cast<uint32_t>(y.at(0, c)), std::bit_cast<uint32_t>(x.at(0, c)));
    EXPECT_EQ(std::bit_cast<uint32_t>(y.at(1, c)), std::bit_cast<uint32_t>(-0.0F));
  }
}

// Bit for bit: four products, each rounded, and two sums.
TEST_P(RowsConformance, RopeRotatesHalves) {
  for (const int64_t half : {4, 10, 64}) {
    const auto cos = OwnedMatrix::Random(10, half, DType::kF32, 5);
    const auto sin = OwnedMatrix::Random(10, half, DType::kF32, 6);
    const int64_t cols = 3 * 2 * half;  // of three heads
    const auto x = OwnedMatrix::Random(3, cols, DType::kF32, 7);
    const std::vector<int32_t> positions = {9, 3, 0};
    OwnedMatrix expected(3, cols);
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t head = 0; head < cols; head += 2 * half) {
        for (int64_t i = 0; i < half; ++i) {
          const float a = x.at(row, head + i);
          const float b = x.at(row, head + half + i);
          const float c = cos.at(positions[row], i);
          const float s = sin.at(positions[row], i);
          expected.set(row, head + i, a * c - b * s);
          expected.set(row, head + half + i, b * c + a * s);
        }
      }
    }
    FramedMatrix y(x);
    backend_->Rope(y.view(), positions, {cos.view(), sin.view()});
    y.Expect(expected);
    FramedMatrix tables[2] = {FramedMatrix(cos), FramedMatrix(sin)};
    FramedMatrix z(x);
    backend_->Rope(z.view(), positions, {tables[0].view(), tables[1].view()});
    z.Expect(expected);
  }
}

OCTET_ON_EACH_BACKEND(RowsConformance);

}  // namespace
}  // namespace octet
