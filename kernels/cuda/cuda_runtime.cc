#include "kernels/cuda/cuda_runtime.h"

#include <cuda_runtime_api.h>

namespace octet {

std::string DescribeCuda() {
  int version = 0;
  cudaRuntimeGetVersion(&version);
  const std::string name =
      "CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  int devices = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&devices); error != cudaSuccess) {
    return name + ", no device: " + cudaGetErrorString(error);
  }
  return name + ", " + std::to_string(devices) + " devices";
}

}  // namespace octet
