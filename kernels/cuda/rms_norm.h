// RMS norm of rows, on a CUDA device.

#ifndef OCTET_KERNELS_CUDA_RMS_NORM_H_
#define OCTET_KERNELS_CUDA_RMS_NORM_H_

#include <cuda_runtime_api.h>

#include <cstdint>

namespace octet::cuda {

// A float32 matrix on the device. `stride` counts elements from one row to the next.
struct DeviceRows {
  float* data;
  int64_t rows;
  int64_t cols;
  int64_t stride;
};

// On the stream: y[m] = x[m] / sqrt(mean(x[m]^2) + eps) * weight. weight: [cols]. y may be x.
cudaError_t RmsNorm(const DeviceRows& x, const float* weight, float eps, const DeviceRows& y,
                    cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_RMS_NORM_H_
