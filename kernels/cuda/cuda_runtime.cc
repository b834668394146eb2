#include "kernels/cuda/cuda_runtime.h"

#include <absl/status/status.h>
#include <cuda_runtime_api.h>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/self_test.h"

namespace octet {
namespace {

// Kernels use what Ampere brought: cp.async, and mma of bfloat16.
constexpr int kLeastMajor = 8;

CudaDevice Describe(int number) {
  cudaDeviceProp properties = {};
  cuda::Check(cudaGetDeviceProperties(&properties, number), "a question");
  cuda::Check(cudaSetDevice(number), "this thread");
  CudaDevice device = {
      .name = properties.name, .major = properties.major, .minor = properties.minor};
  size_t total = 0;
  cuda::Check(cudaMemGetInfo(&device.free_bytes, &total), "a question");
  constexpr int kBusIdChars = 32;
  char bus_id[kBusIdChars] = {};
  cuda::Check(cudaDeviceGetPCIBusId(bus_id, kBusIdChars, number), "a question");
  device.bus_id = bus_id;
  // Drivers before CUDA 12.2 don't know the question.
  if (cudaDeviceGetAttribute(&device.numa_node, cudaDevAttrHostNumaId, number) != cudaSuccess) {
    (void)cudaGetLastError();
    device.numa_node = -1;
  }
  return device;
}

}  // namespace

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

absl::StatusOr<std::vector<CudaDevice>> FindCudaDevices() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) return absl::FailedPreconditionError(DescribeCuda());
  std::vector<CudaDevice> devices;
  for (int i = 0; i < count; ++i) {
    devices.push_back(Describe(i));
    if (devices.back().major < kLeastMajor) {
      return absl::FailedPreconditionError(devices.back().name +
                                           " is older than compute capability 8.0");
    }
  }
  return devices;
}

std::string TensorCoreUse::Describe() const {
  std::string left_out;
  if (!products) left_out += " products";
  if (!experts) left_out += " experts";
  if (!attention) left_out += " attention";
  return left_out.empty() ? "" : " without tensor cores:" + left_out;
}

TensorCoreUse TestTensorCores(int device) { return cuda::TestTensorCores(device); }

CUstream_st* StreamOf(Backend& backend) {
  return static_cast<cuda::CudaBackend&>(backend).stream();
}

std::unique_ptr<Backend> MakeCudaBackend(int device, std::unique_ptr<Backend> host,
                                         const TensorCoreUse& use) {
  return std::make_unique<cuda::CudaBackend>(device, std::move(host), use);
}

}  // namespace octet
