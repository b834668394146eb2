// A description of CUDA on this machine.

#ifndef OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_
#define OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_

#include <string>

namespace octet {

// Returns one line for the user: the runtime's version and the number of devices, or why there are
// none.
std::string DescribeCuda();

}  // namespace octet

#endif  // OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_
