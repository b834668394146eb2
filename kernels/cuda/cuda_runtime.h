// What the CUDA runtime says of this machine.

#ifndef OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_
#define OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_

#include <string>

namespace octet {

// One line for a person: the runtime's version and the devices it sees, or why there are none.
std::string DescribeCuda();

}  // namespace octet

#endif  // OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_
