// The packer of every backend, which knows the layout of its weights.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

using PackingConformance = BackendTest;

TEST_P(PackingConformance, AnyStoredTypePacksToTheSameWeight) {
  const auto stored = OwnedMatrix::Random(40, 51, DType::kBF16, 5);
  OwnedMatrix widened(40, 51, DType::kF32);
  for (int64_t r = 0; r < 40; ++r) {
    for (int64_t c = 0; c < 51; ++c) widened.set(r, c, stored.at(r, c));
  }
  const PackedMatrix a = PackAll(*backend_, stored, dtype_);
  const PackedMatrix b = PackAll(*backend_, widened, dtype_);
  ASSERT_EQ(a.buffer.bytes(), b.buffer.bytes());
  EXPECT_EQ(std::memcmp(a.buffer.data(), b.buffer.data(), a.buffer.bytes()), 0);
}

PackedMatrix WeightOf(Backend& backend, DType dtype, int64_t rows, int64_t cols, int fill) {
  PackedMatrix w = {.buffer = backend.Allocate(PackedMatrix::Bytes(FormatOf(dtype), rows, cols)),
                    .format = FormatOf(dtype),
                    .rows = rows,
                    .cols = cols};
  std::memset(w.buffer.data(), fill, w.buffer.bytes());
  return w;
}

// Each in its own place: what each element's bits are is for the backend's own tests.
TEST_P(PackingConformance, EachElementOfAPanelIsInOnePlaceOfItsOutput) {
  constexpr int64_t kCols = 5;
  const int64_t elements =
      static_cast<int64_t>(PackedMatrix::PanelBytes(FormatOf(dtype_), kCols) / SizeOf(dtype_));
  std::vector<int> uses(elements);
  for (int64_t row = 0; row < 16; ++row) {
    for (int64_t col = 0; col < kCols; ++col) {
      OwnedMatrix rows(16, kCols, dtype_);
      rows.set(row, col, 1);
      PackedMatrix w = WeightOf(*backend_, dtype_, 48, kCols, 0x55);
      backend_->packer().PackPanel(rows.view(), 1, w);
      for (const int64_t other : {0, 2}) {
        EXPECT_TRUE(std::all_of(w.panel(other), w.panel(other) + w.panel_bytes(),
                                [](std::byte b) { return b == std::byte{0x55}; }));
      }
      const OwnedMatrix zero(1, 1, dtype_);
      const auto* panel = w.panel(1);
      int places = 0;
      for (int64_t i = 0; i < elements; ++i) {
        if (std::memcmp(panel + i * SizeOf(dtype_), zero.bytes().data(), SizeOf(dtype_)) == 0) {
          continue;
        }
        ++places;
        ++uses[i];
        EXPECT_EQ(backend_->packer().OutputOf(w, i), row);
      }
      EXPECT_EQ(places, 1) << row << ", " << col;
    }
  }
  EXPECT_LE(*std::ranges::max_element(uses), 1);
}

// Rows that are missing in a panel, and what is beyond the columns, are zeros.
TEST_P(PackingConformance, MissingRowsAreZeros) {
  for (const int64_t cols : {7, 8, 33}) {
    OwnedMatrix ones(3, cols, dtype_);
    for (int64_t i = 0; i < 3 * cols; ++i) ones.set(i / cols, i % cols, 1);
    PackedMatrix w = WeightOf(*backend_, dtype_, 16, cols, 0x55);
    backend_->packer().PackPanel(ones.view(), 0, w);
    OwnedMatrix element(1, 1, dtype_);
    int64_t num_ones = 0;
    for (size_t i = 0; i < w.buffer.bytes(); i += SizeOf(dtype_)) {
      std::memcpy(element.view().data, w.buffer.data() + i, SizeOf(dtype_));
      ASSERT_TRUE(element.at(0, 0) == 0 || element.at(0, 0) == 1);
      num_ones += element.at(0, 0) == 1 ? 1 : 0;
    }
    EXPECT_EQ(num_ones, 3 * cols);
  }
}

OCTET_ON_EACH_BACKEND_AND_DTYPE(PackingConformance);

}  // namespace
}  // namespace octet
