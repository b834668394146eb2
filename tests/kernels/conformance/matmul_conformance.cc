// Products on every backend, beside arithmetic in double.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/framed_matrix.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

class MatmulConformance : public BackendTest {
 protected:
  OwnedMatrix Multiply(Backend& backend, ConstMatrix x, const PackedMatrix& w) const {
    OwnedMatrix y(x.rows, w.rows);
    backend.Matmul(x, w, y.view());
    return y;
  }

  // A share of the sum of the products' magnitudes. Tensor cores may cut off what they add.
  double tolerance() const { return dtype_ == DType::kBF16 ? 1e-5 : 2e-6; }
};

void ExpectProduct(const OwnedMatrix& y, const OwnedMatrix& x, const OwnedMatrix& w,
                   double tolerance) {
  for (int64_t m = 0; m < y.view().rows; ++m) {
    for (int64_t n = 0; n < y.view().cols; ++n) {
      double sum = 0;
      double magnitude = 0;
      for (int64_t k = 0; k < x.view().cols; ++k) {
        const double product = double{x.at(m, k)} * w.at(n, k);
        sum += product;
        magnitude += std::abs(product);
      }
      ASSERT_NEAR(y.at(m, n), sum, tolerance * magnitude) << "row " << m << ", output " << n;
    }
  }
}

TEST_P(MatmulConformance, IsTheProduct) {
  struct Shape {
    int64_t inputs, outputs;
  };
  for (const auto [inputs, outputs] : {Shape{1, 1},
                                       {2, 16},
                                       {7, 17},
                                       {8, 9},
                                       {31, 47},
                                       {32, 48},
                                       {33, 65},
                                       {80, 72},
                                       {511, 33},
                                       {512, 5},
                                       {513, 130},
                                       {1096, 211},
                                       {1100, 211}}) {
    SCOPED_TRACE(testing::Message() << inputs << " to " << outputs);
    const auto x = OwnedMatrix::Random(5, inputs, dtype_, 1);
    const auto w = OwnedMatrix::Random(outputs, inputs, dtype_, 2);
    ExpectProduct(Multiply(*backend_, x.view(), PackAll(*backend_, w, dtype_)), x, w, tolerance());
  }
}

// Each number of rows up to more than two tiles.
TEST_P(MatmulConformance, AnyNumberOfRows) {
  for (const int64_t inputs : {case_.Pick(545, 69), case_.Pick(544, 72)}) {
    const auto x = OwnedMatrix::Random(70, inputs, dtype_, 6);
    const auto w = OwnedMatrix::Random(43, inputs, dtype_, 7);
    const PackedMatrix packed = PackAll(*backend_, w, dtype_);
    const OwnedMatrix all = Multiply(*backend_, x.view(), packed);
    ExpectProduct(all, x, w, tolerance());
    for (int64_t rows = 0; rows < 70; ++rows) {
      ExpectRows(Multiply(*backend_, x.view().Rows(0, rows), packed), all, 0);
    }
  }
}

// The last rows, among others or not, with any variant.
TEST_P(MatmulConformance, RowDoesNotDependOnOtherRows) {
  const int64_t count = case_.Pick(600, 140);
  for (const int64_t inputs : {case_.Pick(1030, 203), case_.Pick(1032, 200)}) {
    const auto x = OwnedMatrix::Random(count, inputs, dtype_, 3);
    const auto w = OwnedMatrix::Random(150, inputs, dtype_, 4);
    const PackedMatrix packed = PackAll(*backend_, w, dtype_);
    const OwnedMatrix all = Multiply(*backend_, x.view(), packed);
    const auto other = case_.Make(case_.num_variants);
    for (const int64_t rows : {1, 2, 3, 5, 8, 15, 16, 17, 64, 129, 257, 513}) {
      if (rows > count) break;
      const OwnedMatrix last = Multiply(*other, x.view().Rows(count - rows, rows), packed);
      ExpectRows(last, all, count - rows);
    }
  }
}

// A NaN stays in its row, an infinity in its row or column.
TEST_P(MatmulConformance, WhatIsNotFiniteStaysInItsRow) {
  for (const int64_t inputs : {33, 40}) {
    auto x = OwnedMatrix::Random(20, inputs, dtype_, 5);
    const auto w = OwnedMatrix::Random(35, inputs, dtype_, 6);
    const PackedMatrix packed = PackAll(*backend_, w, dtype_);
    const OwnedMatrix sound = Multiply(*backend_, x.view(), packed);
    x.set(3, inputs - 1, kNan);
    x.set(19, 0, kInf);
    const OwnedMatrix y = Multiply(*backend_, x.view(), packed);
    for (int64_t m = 0; m < 20; ++m) {
      for (int64_t n = 0; n < 35; ++n) {
        if (m == 3 || m == 19) {
          ASSERT_FALSE(std::isfinite(y.at(m, n))) << m << ", " << n;
        } else {
          ASSERT_EQ(y.at(m, n), sound.at(m, n)) << m << ", " << n;
        }
      }
    }
  }
}

// Rows that are a part of wider ones, as float32 and as the weight's dtype.
TEST_P(MatmulConformance, TakesPartsOfMatrices) {
  for (const int64_t inputs : {39, 40}) {
    const auto x = OwnedMatrix::Random(18, inputs, DType::kF32, 5);
    OwnedMatrix rounded(18, inputs, dtype_);
    for (int64_t r = 0; r < 18; ++r) {
      for (int64_t c = 0; c < inputs; ++c) rounded.set(r, c, x.at(r, c));
    }
    const PackedMatrix w = PackAll(*backend_, OwnedMatrix::Random(37, inputs, dtype_, 6), dtype_);
    const OwnedMatrix expected = Multiply(*backend_, rounded.view(), w);
    EXPECT_EQ(Multiply(*backend_, x.view(), w).bytes(), expected.bytes());
    for (const OwnedMatrix* from : {&x, static_cast<const OwnedMatrix*>(&rounded)}) {
      const FramedMatrix part(*from);
      FramedMatrix y(18, 37);
      backend_->Matmul(part.view(), w, y.view());
      y.Expect(expected);
    }
  }
}

OCTET_ON_EACH_BACKEND_AND_DTYPE(MatmulConformance);

}  // namespace
}  // namespace octet
