// A test of the kernels of a CUDA device, before they are used.

#ifndef OCTET_KERNELS_CUDA_SELF_TEST_H_
#define OCTET_KERNELS_CUDA_SELF_TEST_H_

#include "kernels/cuda/cuda_runtime.h"

namespace octet::cuda {

// Computes a few products, experts and attentions on the device of this number, with the kernels
// for tensor cores and with the plain ones. Returns those for which both agree, as far as rounding
// explains. Takes a few milliseconds.
TensorCoreUse TestTensorCores(int device);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_SELF_TEST_H_
