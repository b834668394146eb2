#include "kernels/cuda/router.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace octet::cuda {
namespace {

// An expert and its probability.
struct Choice {
  float probability;
  int expert;

  OCTET_DEVICE bool IsBetterThan(const Choice& other) const {
    if (probability > other.probability) return true;
    return !(other.probability > probability) && expert < other.expert;
  }
};

// The best of what the lanes of a warp have, on each of them.
OCTET_DEVICE Choice BestOfWarp(Choice choice) {
#pragma unroll
  for (int lanes = kLanes / 2; lanes > 0; lanes /= 2) {
    const Choice other = {__shfl_xor_sync(kAllLanes, choice.probability, lanes),
                          __shfl_xor_sync(kAllLanes, choice.expert, lanes)};
    if (other.IsBetterThan(choice)) choice = other;
  }
  return choice;
}

// The softmax of a row of logits; each lane writes, and reads, its own experts only.
OCTET_DEVICE void SoftmaxOfWarp(const float* logits, int num_experts, float* probabilities) {
  const int lane = static_cast<int>(threadIdx.x);
  float largest = -INFINITY;
  for (int e = lane; e < num_experts; e += kLanes) largest = fmaxf(largest, logits[e]);
  largest = FoldWarp(largest, Maximum());
  float sum = 0;
  for (int e = lane; e < num_experts; e += kLanes) {
    probabilities[e] = expf(__fsub_rn(logits[e], largest));
    sum = __fadd_rn(sum, probabilities[e]);
  }
  sum = FoldWarp(sum, Sum());
  for (int e = lane; e < num_experts; e += kLanes) {
    probabilities[e] = __fdiv_rn(probabilities[e], sum);
  }
}

// A warp for each token.
__global__ void __launch_bounds__(kLanes)
    RouteKernel(const float* logits, int64_t stride, int num_experts, int topk, int32_t* topk_idx,
                float* topk_weights) {
  constexpr float kChosen = -1;
  OCTET_DYNAMIC_SHARED(float, probabilities);
  float* const chosen = probabilities + num_experts;  // [topk] of lane 0
  const int lane = static_cast<int>(threadIdx.x);
  int32_t* const idx = topk_idx + int64_t{blockIdx.x} * topk;
  float* const weights = topk_weights + int64_t{blockIdx.x} * topk;
  SoftmaxOfWarp(logits + int64_t{blockIdx.x} * stride, num_experts, probabilities);
  float sum = 0;
  for (int slot = 0; slot < topk; ++slot) {
    Choice best = {kChosen, num_experts};
    for (int e = lane; e < num_experts; e += kLanes) {
      const Choice choice = {probabilities[e], e};
      if (choice.probability != kChosen && choice.IsBetterThan(best)) best = choice;
    }
    best = BestOfWarp(best);
    if (best.expert % kLanes == lane) probabilities[best.expert] = kChosen;
    sum = __fadd_rn(sum, best.probability);
    if (lane != 0) continue;
    idx[slot] = best.expert;
    chosen[slot] = best.probability;
  }
  if (lane != 0) return;
  for (int slot = 0; slot < topk; ++slot) weights[slot] = __fdiv_rn(chosen[slot], sum);
}

}  // namespace

cudaError_t Route(ConstMatrix logits, int topk, int32_t* topk_idx, float* topk_weights,
                  cudaStream_t stream) {
  const LaunchShape shape = {
      .blocks_x = logits.rows,
      .threads = kLanes,
      .dynamic_shared_bytes = static_cast<size_t>(logits.cols + topk) * sizeof(float)};
  return Launch(shape, stream, RouteKernel, reinterpret_cast<const float*>(logits.data),
                logits.stride, static_cast<int>(logits.cols), topk, topk_idx, topk_weights);
}

}  // namespace octet::cuda
