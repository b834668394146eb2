// Products with bfloat16 weights on a CUDA device, by tensor cores.

#ifndef OCTET_KERNELS_CUDA_MATMUL_H_
#define OCTET_KERNELS_CUDA_MATMUL_H_

#include <cuda_runtime_api.h>

#include "kernels/base/matrix.h"

namespace octet::cuda {

// y[m][n] = sum over k of x[m][k] * w[n][k]. x: [M, K] and w: [N, K] bfloat16; y: [M, N] float32.
// K and the strides of x and w are multiples of 8, and their memory is aligned to 16 bytes, else
// cudaErrorInvalidValue. Tiles and the order of k are fixed, so that a row of y does not depend on
// the others. All of it is memory of the device.
cudaError_t Matmul(ConstMatrix x, ConstMatrix w, Matrix y, cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_MATMUL_H_
