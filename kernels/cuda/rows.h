// Operations on the rows of matrices on a CUDA device. Each puts its work on a stream.
//
// As Backend (kernels/base/backend.h) says of them: a row's result has the same bits whatever the
// other rows are. All pointers are to memory of the device. Matrices are float32 unless said
// otherwise.

#ifndef OCTET_KERNELS_CUDA_ROWS_H_
#define OCTET_KERNELS_CUDA_ROWS_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/base/matrix.h"

namespace octet::cuda {

// y[m] = x[m] / sqrt(mean(x[m]^2) + eps) * weight. weight: [cols]. y may be x.
cudaError_t RmsNorm(ConstMatrix x, const float* weight, float eps, Matrix y, cudaStream_t stream);

// y += x
cudaError_t Add(ConstMatrix x, Matrix y, cudaStream_t stream);

// y[i] = x[rows[i]], each matrix float32 or bfloat16, rounded to nearest even. rows: [y.rows];
// null: 0, 1, ...
cudaError_t GatherRows(ConstMatrix x, const int32_t* rows, Matrix y, cudaStream_t stream);

// RowSums (kernels/base/row_sums.h) on the device.
struct DeviceRowSums {
  int64_t num_sums;
  const int32_t* offsets;  // [num_sums + 1]
  const int32_t* rows;
  const float* weights;
  const int32_t* results;  // [num_sums]; null: 0, 1, ...
};

// The rows sums.results of y become sums of rows of x; each product is rounded first.
cudaError_t WeightedSum(ConstMatrix x, const DeviceRowSums& sums, Matrix y, cudaStream_t stream);

// y[m] = softmax(x[m] * scales[m]); y may be x. scales: [rows], positive; null: 1.
cudaError_t Softmax(ConstMatrix x, const float* scales, Matrix y, cudaStream_t stream);

// result[m] = log(sum(exp(x[m]))). result: [rows]
cudaError_t LogSumExp(ConstMatrix x, float* result, cudaStream_t stream);

// Rotates the halves of each head of x[i] by the angles of positions[i]. x: [N, heads * head_dim];
// cos, sin: [positions, head_dim / 2].
cudaError_t Rope(Matrix x, int head_dim, const int32_t* positions, ConstMatrix cos, ConstMatrix sin,
                 cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_ROWS_H_
