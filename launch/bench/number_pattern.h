// Matrices of any size made from few numbers, for benchmarks.

#ifndef OCTET_LAUNCH_BENCH_NUMBER_PATTERN_H_
#define OCTET_LAUNCH_BENCH_NUMBER_PATTERN_H_

#include <vector>

#include "kernels/base/backend.h"

namespace octet {

// A pattern of numbers in [-1, 1) that must be rounded to become bfloat16. Rows of a matrix
// overlap, so that it needs no memory of its own and a reference finds each element. Rows and
// matrices differ.
class NumberPattern {
 public:
  // Makes room for matrices 0 to 31 of at most `max_rows` rows and `max_cols` columns.
  NumberPattern(int64_t max_rows, int64_t max_cols);

  // Returns rows of matrix `id`, in float32.
  ConstMatrix Rows(int id, int64_t first, int64_t rows, int64_t cols) const;

  // Returns the element rounded to `dtype`.
  double At(int id, int64_t row, int64_t col, DType dtype) const;

  // A copy of all rows of matrix `id`, in memory of its own.
  struct Owned {
    Buffer buffer;
    Matrix matrix;
  };
  Owned Copy(Backend& backend, int id, int64_t rows, int64_t cols, DType dtype) const;

  // Packs matrix `id` as panels first_panel, first_panel + panel_step, ... of w.
  void PackInto(Backend& backend, int id, int64_t rows, int64_t first_panel, int64_t panel_step,
                PackedMatrix& w) const;

 private:
  std::vector<float> numbers_;
};

// Returns `value` rounded to `dtype`.
double RoundTo(DType dtype, double value);

PackedMatrix AllocatePacked(Backend& backend, WeightFormat format, int64_t rows, int64_t cols);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_NUMBER_PATTERN_H_
