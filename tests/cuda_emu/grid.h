// Kernels, as they are started and run.

#ifndef OCTET_TESTS_CUDA_EMU_GRID_H_
#define OCTET_TESTS_CUDA_EMU_GRID_H_

#include <cuda_runtime_api.h>

#include <functional>

namespace octet::cuda_emu {

// Puts a kernel on the stream of its launch. Each of its threads will call body(). An error where
// no device would start it.
cudaError_t Launch(const cudaLaunchConfig_t& config, const void* kernel,
                   const std::function<void()>& body);

// cudaFuncAttributeMaxDynamicSharedMemorySize.
void AllowDynamicShared(const void* kernel, size_t bytes);

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_GRID_H_
