// Products with weights on a CUDA device.

#ifndef OCTET_KERNELS_CUDA_MATMUL_H_
#define OCTET_KERNELS_CUDA_MATMUL_H_

#include <cuda_runtime_api.h>

#include "kernels/base/matrix.h"
#include "kernels/base/packed_matrix.h"
#include "kernels/cuda/weights.h"

namespace octet::cuda {

// y[m][n] = sum over k of x[m][k] * w[n][k]. x: [M, w.cols] of w's dtype; w: as weights.h says; y:
// [M, w.rows] float32. All of it is memory of the device. Which path is taken depends on w alone,
// and with it the bits of a row of y depend on that row of x alone.
//
// For tensor cores (CanUseTensorCores) the rows of x and w must begin at multiples of 16 bytes. If
// they don't, or shapes or dtypes do not match: cudaErrorInvalidValue.
cudaError_t Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y, cudaStream_t stream,
                   Path path = Path::kFastest);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_MATMUL_H_
