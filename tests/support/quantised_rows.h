// Quantised weights for tests, as files have them.

#ifndef OCTET_TESTS_SUPPORT_QUANTISED_ROWS_H_
#define OCTET_TESTS_SUPPORT_QUANTISED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/weight_format.h"
#include "tests/support/reference.h"

namespace octet {

// [rows, cols] weights of a quantised format.
class QuantisedRows {
 public:
  // Any bytes, but scales of about `scale`.
  static QuantisedRows Random(WeightFormat format, int64_t rows, int64_t cols, uint32_t seed,
                              float scale = 0.01F);
  // The same byte everywhere, but scales of 0.5.
  static QuantisedRows Filled(WeightFormat format, int64_t rows, int64_t cols, std::byte fill);

  WeightFormat format() const { return format_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  size_t row_bytes() const { return RowBytes(format_, cols_); }
  const std::byte* row(int64_t r) const { return bytes_.data() + r * row_bytes(); }

 private:
  QuantisedRows(WeightFormat format, int64_t rows, int64_t cols);

  // Calls f(bytes of a float16) for each scale.
  template <class F>
  void ForScales(F f);

  WeightFormat format_;
  int64_t rows_;
  int64_t cols_;
  std::vector<std::byte> bytes_;
};

PackedMatrix PackAll(Backend& backend, const QuantisedRows& w);

// The written definition.
OwnedMatrix ReferenceMatmul(const OwnedMatrix& x, const QuantisedRows& w);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_QUANTISED_ROWS_H_
