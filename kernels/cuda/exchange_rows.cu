#include "kernels/cuda/exchange_rows.h"

#include <algorithm>

#include "kernels/cuda/device.h"
#include "kernels/cuda/row_views.h"

namespace octet::cuda {
namespace {

// SumReturns takes no more, which fill a GPU: there can be far fewer rows than room for them.
constexpr int64_t kMostBlocks = 2048;

// A block for each token.
template <class To>
__global__ void __launch_bounds__(kRowThreads)
    GatherMessagesKernel(Rows<const float> x, const int32_t* num_tokens, int topk,
                         const int32_t* send_row_of, Rows<To> y) {
  const auto token = static_cast<int32_t>(blockIdx.x);
  if (token >= *num_tokens) return;
  const float* const from = x[token];
  for (int slot = 0; slot < topk; ++slot) {
    const int32_t row = send_row_of[int64_t{token} * topk + slot];
    if (row < 0) continue;
    To* const to = y[row];
    for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) Store(from[c], to + c);
  }
}

__global__ void __launch_bounds__(kRowThreads)
    SumReturnsKernel(Rows<const float> outputs, ArrivedPairs arrived, const int32_t* output_of,
                     const DeviceReturn* returns, Rows<float> y) {
  const int num_returns = arrived.starts[arrived.num_homes].returns;
  for (int i = static_cast<int>(blockIdx.x); i < num_returns; i += static_cast<int>(gridDim.x)) {
    const DeviceReturn sum = returns[i];
    float* const to = y[sum.result];
    for (int64_t c = threadIdx.x; c < outputs.cols; c += kRowThreads) {
      float value = -0.0F;  // to which any number can be added without change
      for (int p = sum.first_pair; p < sum.first_pair + sum.num_pairs; ++p) {
        value = __fadd_rn(value, __fmul_rn(arrived.pairs[p].weight, outputs[output_of[p]][c]));
      }
      to[c] = value;
    }
  }
}

__global__ void __launch_bounds__(kRowThreads)
    CombineKernel(Rows<const float> returned, const int32_t* num_tokens, int topk,
                  const int32_t* return_of, Rows<float> y) {
  const auto token = static_cast<int32_t>(blockIdx.x);
  const bool is_there = token < *num_tokens;
  const int32_t* const from = return_of + int64_t{token} * topk;
  for (int64_t c = threadIdx.x; c < y.cols; c += kRowThreads) {
    float value = is_there ? -0.0F : 0.0F;
    for (int slot = 0; is_there && slot < topk; ++slot) {
      if (from[slot] >= 0) value = __fadd_rn(value, returned[from[slot]][c]);
    }
    y[token][c] = value;
  }
}

}  // namespace

cudaError_t GatherMessages(ConstMatrix x, const int32_t* num_tokens, int topk,
                           const int32_t* send_row_of, Matrix y, cudaStream_t stream) {
  const auto gather = [&]<class To>(To) {
    return LaunchRows(x.rows, stream, GatherMessagesKernel<To>, View<float>(x), num_tokens, topk,
                      send_row_of, View<To>(y));
  };
  return y.dtype == DType::kBF16 ? gather(BF16{}) : gather(float{});
}

cudaError_t SumReturns(ConstMatrix outputs, const ArrivedPairs& arrived,
                       const DeviceExpertPlan& plan, Matrix y, cudaStream_t stream) {
  return LaunchRows(std::min(y.rows, kMostBlocks), stream, SumReturnsKernel, View<float>(outputs),
                    arrived, plan.output_of, plan.returns, View<float>(y));
}

cudaError_t Combine(ConstMatrix returned, const int32_t* num_tokens, int topk,
                    const int32_t* return_of, Matrix y, cudaStream_t stream) {
  return LaunchRows(y.rows, stream, CombineKernel, View<float>(returned), num_tokens, topk,
                    return_of, View<float>(y));
}

}  // namespace octet::cuda
