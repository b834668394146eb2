#ifndef OCTET_RUNTIME_CHECKPOINT_STORED_ROWS_H_
#define OCTET_RUNTIME_CHECKPOINT_STORED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/matrix.h"
#include "kernels/base/weight_format.h"

namespace octet {

// Rows of a weight as a file has them, one after the other.
struct StoredRows {
  std::byte* data;
  WeightFormat format;
  int64_t rows;
  int64_t cols;

  size_t row_bytes() const { return RowBytes(format, cols); }
  std::byte* row(int64_t r) const { return data + static_cast<size_t>(r) * row_bytes(); }

  // The same, if the format is not quantised.
  ConstMatrix matrix() const { return {data, ElementType(format), rows, cols, cols}; }
};

// Sets `to` to the weights of all rows.
void ToFloats(const StoredRows& from, std::vector<float>& to);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_STORED_ROWS_H_
