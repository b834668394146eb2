// The start of kernels.

#ifndef OCTET_KERNELS_CUDA_LAUNCH_H_
#define OCTET_KERNELS_CUDA_LAUNCH_H_

#include <cuda_runtime.h>

#include <cstdint>

namespace octet::cuda {

// The shape of a launch.
struct LaunchShape {
  int64_t blocks_x = 1;
  int64_t blocks_y = 1;
  int threads = 1;  // of a block
  size_t dynamic_shared_bytes = 0;
};

// More dynamic shared memory than this must be allowed for the kernel.
inline constexpr size_t kUsualDynamicShared = size_t{48} << 10;

// Puts a kernel on the stream; nothing if it has no blocks.
template <class... Parameters, class... Arguments>
cudaError_t Launch(const LaunchShape& shape, cudaStream_t stream, void (*kernel)(Parameters...),
                   Arguments... arguments) {
  if (shape.blocks_x == 0 || shape.blocks_y == 0) return cudaSuccess;
  if (shape.dynamic_shared_bytes > kUsualDynamicShared) {
    const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                                   cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shape.dynamic_shared_bytes));
    if (error != cudaSuccess) return error;
  }
  cudaLaunchConfig_t config = {};
  config.gridDim =
      dim3(static_cast<unsigned>(shape.blocks_x), static_cast<unsigned>(shape.blocks_y));
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.dynamicSmemBytes = shape.dynamic_shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_LAUNCH_H_
