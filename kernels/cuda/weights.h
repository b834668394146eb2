// Weights on a CUDA device.
//
// A PackedMatrix (kernels/base/packed_matrix.h) whose buffer lies on a CUDA device is row-major:
// its panels are 16 rows of WeightStride() elements each, so that all of it is one row-major matrix
// [16 * num_panels, WeightStride()], with zeros beyond w.rows and w.cols:
//
//   panel 0   row 0    w[0][0]  w[0][1]  ..  w[0][cols - 1]  (0, if bfloat16 and cols is odd)
//             ..
//             row 15   w[15][0] ..
//   panel 1   row 0    w[16][0] ..
//
// Each row of tensor core tiles is thus one run of memory. In ExpertWeights::gate_up, 16 rows of w1
// and the same 16 rows of w3 alternate.

#ifndef OCTET_KERNELS_CUDA_WEIGHTS_H_
#define OCTET_KERNELS_CUDA_WEIGHTS_H_

#include <cstdint>

#include "kernels/base/matrix.h"
#include "kernels/base/packed_matrix.h"

namespace octet::cuda {

// Elements from one row to the next.
inline int64_t WeightStride(DType dtype, int64_t cols) {
  return dtype == DType::kBF16 ? (cols + 1) / 2 * 2 : cols;
}

// Rows with the padding of the last panel.
inline int64_t PaddedRows(int64_t rows) {
  return (rows + PackedMatrix::kPanel - 1) / PackedMatrix::kPanel * PackedMatrix::kPanel;
}

// [PaddedRows(w.rows), w.cols] on the device, a view of w.
inline ConstMatrix RowMajor(const PackedMatrix& w) {
  return {w.buffer.data(), w.dtype(), PaddedRows(w.rows), w.cols, WeightStride(w.dtype(), w.cols)};
}

// The row of gate_up that holds row j of w1; that of w3 is kPanel rows later.
inline int64_t GateRow(int64_t j) { return j + j / PackedMatrix::kPanel * PackedMatrix::kPanel; }

// The rows of gate_up, padding included.
inline int64_t GateUpRows(int64_t intermediate) { return 2 * PaddedRows(intermediate); }

// How a product is computed. Each path has its own bits.
enum class Path {
  kFastest,  // by tensor cores, where they can multiply the weights
  kPlain,    // without them
};

// Tensor cores multiply bfloat16 whose rows are whole runs of 16 bytes.
constexpr bool CanUseTensorCores(DType dtype, int64_t cols) {
  return dtype == DType::kBF16 && cols % 8 == 0;
}

// Whether tensor cores can read the rows of m.
inline bool IsAligned(ConstMatrix m) {
  return m.stride_bytes() % 16 == 0 && reinterpret_cast<uintptr_t>(m.data) % 16 == 0;
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_WEIGHTS_H_
