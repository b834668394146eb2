// What conformance tests compare matrices with.

#ifndef OCTET_TESTS_KERNELS_CONFORMANCE_FRAMED_MATRIX_H_
#define OCTET_TESTS_KERNELS_CONFORMANCE_FRAMED_MATRIX_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/reference.h"

namespace octet {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A matrix in the middle of another one whose numbers beside it are NaN.
class FramedMatrix {
 public:
  static constexpr int64_t kMargin = 6;  // rows and columns on each side: not 16 bytes of bfloat16

  FramedMatrix(int64_t rows, int64_t cols, DType dtype = DType::kF32)
      : all_(rows + 2 * kMargin, cols + 2 * kMargin, dtype), rows_(rows), cols_(cols) {
    for (int64_t r = 0; r < all_.view().rows; ++r) {
      for (int64_t c = 0; c < all_.view().cols; ++c) {
        if (!IsInside(r, c)) all_.set(r, c, kNan);
      }
    }
  }
  explicit FramedMatrix(const OwnedMatrix& m)
      : FramedMatrix(m.view().rows, m.view().cols, m.view().dtype) {
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < cols_; ++c) all_.set(kMargin + r, kMargin + c, m.at(r, c));
    }
  }

  Matrix view() { return all_.view().Rows(kMargin, rows_).Cols(kMargin, cols_); }
  ConstMatrix view() const { return all_.view().Rows(kMargin, rows_).Cols(kMargin, cols_); }
  float at(int64_t row, int64_t col) const { return all_.at(kMargin + row, kMargin + col); }

  // What it holds is this, and nothing was written beside it.
  void Expect(const OwnedMatrix& expected) const {
    for (int64_t r = 0; r < all_.view().rows; ++r) {
      for (int64_t c = 0; c < all_.view().cols; ++c) {
        if (IsInside(r, c)) {
          ASSERT_EQ(all_.at(r, c), expected.at(r - kMargin, c - kMargin)) << r << ", " << c;
        } else {
          ASSERT_TRUE(std::isnan(all_.at(r, c))) << r << ", " << c;
        }
      }
    }
  }

 private:
  bool IsInside(int64_t row, int64_t col) const {
    return row >= kMargin && row < kMargin + rows_ && col >= kMargin && col < kMargin + cols_;
  }

  OwnedMatrix all_;
  int64_t rows_;
  int64_t cols_;
};

// Rows of `all` from `first` on are bit for bit those of `some`.
inline void ExpectRows(const OwnedMatrix& some, const OwnedMatrix& all, int64_t first) {
  ASSERT_LE(first + some.view().rows, all.view().rows);
  const size_t begin = first * all.view().row_bytes();
  EXPECT_TRUE(std::equal(some.bytes().begin(), some.bytes().end(), all.bytes().begin() + begin))
      << some.view().rows << " rows, from row " << first << " on";
}

}  // namespace octet

#endif  // OCTET_TESTS_KERNELS_CONFORMANCE_FRAMED_MATRIX_H_
