// Views of row-major matrices. They never own memory.

#ifndef OCTET_KERNELS_BASE_MATRIX_H_
#define OCTET_KERNELS_BASE_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/base/check.h"
#include "kernels/base/dtype.h"

namespace octet {

// A view of [rows, cols] numbers of `dtype`. Row r begins `stride` numbers after row r - 1: `cols`
// if they are in blocks. Byte is std::byte or const std::byte.
template <class Byte>
struct BasicMatrix {
  Byte* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  size_t row_bytes() const { return RowBytes(dtype, cols); }
  size_t stride_bytes() const { return RowBytes(dtype, stride); }
  Byte* row(int64_t r) const { return data + static_cast<size_t>(r) * stride_bytes(); }

  // Row r as floats; the matrix must be float32.
  auto* f32(int64_t r) const {
    OCTET_CHECK(dtype == DType::kF32);
    using Float = std::conditional_t<std::is_const_v<Byte>, const float, float>;
    return reinterpret_cast<Float*>(row(r));
  }

  // [num_rows, cols]: rows first, first + 1, ...
  BasicMatrix Rows(int64_t first, int64_t num_rows) const {
    OCTET_CHECK(first >= 0 && num_rows >= 0 && first + num_rows <= rows);
    return {row(first), dtype, num_rows, cols, stride};
  }

  // [rows, num_cols]: columns first, first + 1, ...
  BasicMatrix Cols(int64_t first, int64_t num_cols) const {
    OCTET_CHECK(first >= 0 && num_cols >= 0 && first + num_cols <= cols);
    OCTET_CHECK(dtype != DType::kInt8Blocks);
    return {data + static_cast<size_t>(first) * SizeOf(dtype), dtype, rows, num_cols, stride};
  }

  operator BasicMatrix<const std::byte>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<Byte>) {
    return {data, dtype, rows, cols, stride};
  }
};

using Matrix = BasicMatrix<std::byte>;
using ConstMatrix = BasicMatrix<const std::byte>;

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_MATRIX_H_
