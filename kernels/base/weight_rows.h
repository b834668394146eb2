#ifndef OCTET_KERNELS_BASE_WEIGHT_ROWS_H_
#define OCTET_KERNELS_BASE_WEIGHT_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/matrix.h"
#include "kernels/base/weight_format.h"

namespace octet {

// A view of rows of a weight as a file has them, one after the other: [rows, cols].
struct WeightRows {
  std::byte* data = nullptr;
  WeightFormat format = WeightFormat::kF32;
  int64_t rows = 0;
  int64_t cols = 0;

  size_t row_bytes() const { return RowBytes(format, cols); }
  size_t bytes() const { return static_cast<size_t>(rows) * row_bytes(); }
  std::byte* row(int64_t r) const { return data + static_cast<size_t>(r) * row_bytes(); }

  // The same, if the format is not quantised.
  Matrix matrix() const { return {data, ElementType(format), rows, cols, cols}; }
};

// Sets to[0 .. w.cols) to the weights of a row.
void RowToFloats(const WeightRows& w, int64_t row, float* to);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_WEIGHT_ROWS_H_
