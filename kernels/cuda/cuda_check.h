// Errors of the CUDA runtime.

#ifndef OCTET_KERNELS_CUDA_CUDA_CHECK_H_
#define OCTET_KERNELS_CUDA_CUDA_CHECK_H_

#include <cuda_runtime_api.h>

#include <string>

#include "kernels/base/check.h"

namespace octet::cuda {

// Ends the job if a call to the runtime failed. An error of a kernel shows at a later call.
inline void Check(cudaError_t error, const char* what, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (error == cudaSuccess) [[likely]]
    return;
  Fatal(file, line, std::string(what) + " on the CUDA device: " + cudaGetErrorString(error));
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_CUDA_CHECK_H_
