#include <absl/status/status.h>

#include "kernels/base/check.h"
#include "kernels/cuda/cuda_runtime.h"

namespace octet {

std::string DescribeCuda() { return "CUDA: not in this build"; }

absl::StatusOr<std::vector<CudaDevice>> FindCudaDevices() {
  return absl::UnimplementedError(DescribeCuda());
}

std::string TensorCoreUse::Describe() const { return ""; }

TensorCoreUse TestTensorCores(int) { Fatal(__FILE__, __LINE__, DescribeCuda()); }

CUstream_st* StreamOf(Backend&) { Fatal(__FILE__, __LINE__, DescribeCuda()); }

std::unique_ptr<Backend> MakeCudaBackend(int, std::unique_ptr<Backend>, const TensorCoreUse&) {
  Fatal(__FILE__, __LINE__, DescribeCuda());
}

}  // namespace octet
