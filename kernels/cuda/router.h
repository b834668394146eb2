// The choice of experts on a CUDA device.

#ifndef OCTET_KERNELS_CUDA_ROUTER_H_
#define OCTET_KERNELS_CUDA_ROUTER_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/base/matrix.h"

namespace octet::cuda {

// As Router (runtime/model/router.h): softmax over all experts, the best `topk` of them, best
// first, their weights renormalised to a sum of 1. Equal probabilities go to the lower expert. A
// row that is not finite goes to the first `topk`, with weights that are NaN. logits: [N, experts]
// float32; topk_idx, topk_weights: [N, topk]. All of it is memory of the device.
cudaError_t Route(ConstMatrix logits, int topk, int32_t* topk_idx, float* topk_weights,
                  cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_ROUTER_H_
