// Sums of rows of a matrix.

#ifndef OCTET_KERNELS_BASE_ROW_SUMS_H_
#define OCTET_KERNELS_BASE_ROW_SUMS_H_

#include <cstdint>
#include <vector>

namespace octet {

// Weighted sums of rows. Sum i adds weights[j] * (row rows[j]), in ascending order of j, for
// offsets[i] <= j < offsets[i + 1].
struct RowSums {
  std::vector<int32_t> offsets = {0};  // [sums + 1]
  std::vector<int32_t> rows;
  std::vector<float> weights;
  std::vector<int32_t> results;  // [sums] the row of each result; if empty: 0, 1, ...

  int64_t num_sums() const { return std::ssize(offsets) - 1; }

  // Makes room for sums of `num_rows` rows in total.
  void Reserve(int64_t num_rows) {
    offsets.reserve(num_rows + 1);
    rows.reserve(num_rows);
    weights.reserve(num_rows);
    results.reserve(num_rows);
  }

  void Clear() {
    offsets.assign(1, 0);
    rows.clear();
    weights.clear();
    results.clear();
  }
  void Add(int32_t row, float weight) {
    rows.push_back(row);
    weights.push_back(weight);
  }
  void EndSum() { offsets.push_back(static_cast<int32_t>(rows.size())); }
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_ROW_SUMS_H_
