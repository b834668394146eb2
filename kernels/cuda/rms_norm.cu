#include "kernels/cuda/device.h"
#include "kernels/cuda/rms_norm.h"

namespace octet::cuda {
namespace {

constexpr int kThreads = 256;

// One block a row.
__global__ void __launch_bounds__(kThreads)
    RmsNormKernel(DeviceRows x, const float* weight, float eps, DeviceRows y) {
  const float* const from = x.data + blockIdx.x * x.stride;
  float* const to = y.data + blockIdx.x * y.stride;
  float squares = 0;
  for (int64_t c = threadIdx.x; c < x.cols; c += kThreads) {
    squares = __fmaf_rn(from[c], from[c], squares);
  }
  const float mean = __fdiv_rn(BlockSum<kThreads>(squares), static_cast<float>(x.cols));
  const float scale = __frsqrt_rn(__fadd_rn(mean, eps));
  for (int64_t c = threadIdx.x; c < x.cols; c += kThreads) {
    to[c] = __fmul_rn(__fmul_rn(from[c], scale), weight[c]);
  }
}

}  // namespace

cudaError_t RmsNorm(const DeviceRows& x, const float* weight, float eps, const DeviceRows& y,
                    cudaStream_t stream) {
  if (x.rows == 0) return cudaSuccess;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(x.rows));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  return cudaLaunchKernelEx(&config, RmsNormKernel, x, weight, eps, y);
}

}  // namespace octet::cuda
