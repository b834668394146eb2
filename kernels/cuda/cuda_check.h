// Errors of the CUDA runtime.

#ifndef OCTET_KERNELS_CUDA_CUDA_CHECK_H_
#define OCTET_KERNELS_CUDA_CUDA_CHECK_H_

#include <cuda_runtime_api.h>

#include <source_location>

#include "kernels/base/check.h"

namespace octet::cuda {

// Ends the job if a call to the runtime failed. An error of a kernel shows at a later call.
inline void Check(cudaError_t error, const char* what,
                  std::source_location at = std::source_location::current()) {
  if (error == cudaSuccess) [[likely]]
    return;
  Fatal(at.file_name(), static_cast<int>(at.line()),
        std::string(what) + " on the CUDA device: " + cudaGetErrorString(error));
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_CUDA_CHECK_H_
