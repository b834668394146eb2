// Matrices of any size made of few numbers, for benchmarks.

#ifndef OCTET_LAUNCH_BENCH_NUMBER_PATTERN_H_
#define OCTET_LAUNCH_BENCH_NUMBER_PATTERN_H_

#include <vector>

#include "kernels/base/backend.h"

namespace octet {

// Numbers in [-1, 1) that need to be rounded to be bfloat16. Rows of a matrix overlap, so that it
// needs no memory of its own and a reference finds each element; rows and matrices differ.
class NumberPattern {
 public:
  // Room for matrices 0 to 31 of at most so many rows and columns.
  NumberPattern(int64_t max_rows, int64_t max_cols);

  // Rows of matrix `id`: float32.
  ConstMatrix Rows(int id, int64_t first, int64_t rows, int64_t cols) const;

  // The element as `dtype` holds it.
  double At(int id, int64_t row, int64_t col, DType dtype) const;

  // All rows of matrix `id`, in memory of their own.
  struct Owned {
    Buffer buffer;
    Matrix matrix;
  };
  Owned Copy(Backend& backend, int id, int64_t rows, int64_t cols, DType dtype) const;

  // Matrix `id` as panels first_panel, first_panel + panel_step, ... of w.
  void PackInto(Backend& backend, int id, int64_t rows, int64_t first_panel, int64_t panel_step,
                PackedMatrix& w) const;

 private:
  std::vector<float> numbers_;
};

// Rounded to what `dtype` holds.
double RoundTo(DType dtype, double value);

PackedMatrix AllocatePacked(Backend& backend, DType dtype, int64_t rows, int64_t cols);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_NUMBER_PATTERN_H_
