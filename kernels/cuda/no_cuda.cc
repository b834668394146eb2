#include "kernels/cuda/cuda_runtime.h"

namespace octet {

std::string DescribeCuda() { return "CUDA: not in this build"; }

}  // namespace octet
