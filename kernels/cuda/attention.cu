#include "kernels/cuda/attention.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"

namespace octet::cuda {
namespace {

constexpr int kThreads = kAttentionFold;  // one for each position of a fold

// The pages of a layer as device code sees them (KvBlocks).
template <class T>
struct Pages {
  std::byte* pages;
  size_t page_bytes;
  int head_dim;
  int value_stride;

  OCTET_DEVICE T* Head(int64_t page, int head) const {
    return reinterpret_cast<T*>(pages + page * page_bytes) +
           int64_t{head} * (head_dim + value_stride) * kKvBlock;
  }
  // The key of a position by dimension: `kKvBlock` elements from one to the next.
  OCTET_DEVICE T* Key(const int32_t* table, int64_t position, int head) const {
    return Head(table[position / kKvBlock], head) + position % kKvBlock;
  }
  OCTET_DEVICE T* Value(const int32_t* table, int64_t position, int head) const {
    return Head(table[position / kKvBlock], head) + int64_t{head_dim} * kKvBlock +
           position % kKvBlock * value_stride;
  }
};

template <class T>
Pages<T> View(const KvBlocks& kv) {
  return {kv.pages, kv.page_bytes, kv.head_dim, kv.value_stride()};
}

// A block for each token and head.
template <class... Parameters, class... Arguments>
cudaError_t LaunchHeads(int64_t tokens, int64_t heads, cudaStream_t stream,
                        void (*kernel)(Parameters...), Arguments... arguments) {
  return Launch({.blocks_x = tokens, .blocks_y = heads, .threads = kThreads}, stream, kernel,
                arguments...);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    StoreKvKernel(const float* keys, int64_t key_stride, const float* values, int64_t value_stride,
                  const DeviceToken* tokens, Pages<T> kv) {
  const int head = static_cast<int>(blockIdx.y);
  const DeviceToken token = tokens[blockIdx.x];
  if (token.position < 0) return;
  const float* const key = keys + blockIdx.x * key_stride + int64_t{head} * kv.head_dim;
  const float* const value = values + blockIdx.x * value_stride + int64_t{head} * kv.head_dim;
  T* const to_key = kv.Key(token.pages, token.position, head);
  T* const to_value = kv.Value(token.pages, token.position, head);
  for (int d = static_cast<int>(threadIdx.x); d < kv.head_dim; d += kThreads) {
    Store(key[d], to_key + int64_t{d} * kKvBlock);
    Store(value[d], to_value + d);
  }
}

// The softmax of what was folded so far: weights are exp(score - largest), of sum `sum`.
struct Running {
  float largest = -INFINITY;
  float sum = 0;
};

// The score of one position, and its weight after the fold. Nobody writes the weights of the next
// fold before all have read these: the barrier of its maximum lies between. Returns what earlier
// weights are multiplied by.
OCTET_DEVICE float FoldScores(float score, Running& running, float* weights) {
  const float largest = fmaxf(running.largest, FoldBlock<kThreads>(score, Maximum()));
  const float weight = expf(__fsub_rn(score, largest));
  weights[threadIdx.x] = weight;
  const float sum = FoldBlock<kThreads>(weight, Sum());  // all weights are there after it
  const float rescale = expf(__fsub_rn(running.largest, largest));
  running = {largest, __fmaf_rn(running.sum, rescale, sum)};
  return rescale;
}

// Dimensions of a head are divided over the threads; each keeps its own in `y`.
template <class T>
__global__ void __launch_bounds__(kThreads)
    AttentionKernel(const float* q, int64_t q_stride, int heads_of_kv, const DeviceToken* tokens,
                    Pages<T> kv, int64_t window, float scale, float* y, int64_t y_stride) {
  OCTET_SHARED(float, weights, kThreads);
  const int head = static_cast<int>(blockIdx.y);
  const int kv_head = head / heads_of_kv;
  const DeviceToken token = tokens[blockIdx.x];
  const float* const query = q + blockIdx.x * q_stride + int64_t{head} * kv.head_dim;
  float* const to = y + blockIdx.x * y_stride + int64_t{head} * kv.head_dim;
  const int64_t last = token.position;
  const int64_t first = window > 0 && last >= window ? last - window + 1 : 0;
  const int thread = static_cast<int>(threadIdx.x);
  for (int d = thread; d < kv.head_dim; d += kThreads) to[d] = 0;
  Running running;
  for (int64_t begin = first / kThreads * kThreads; begin <= last; begin += kThreads) {
    const int64_t position = begin + thread;
    float score = -INFINITY;
    if (position >= first && position <= last) {
      const T* const key = kv.Key(token.pages, position, kv_head);
      float dot = 0;
      for (int d = 0; d < kv.head_dim; ++d) {
        dot = __fmaf_rn(query[d], Load(key + int64_t{d} * kKvBlock), dot);
      }
      score = __fmul_rn(dot, scale);
    }
    const float rescale = FoldScores(score, running, weights);
    for (int d = thread; d < kv.head_dim; d += kThreads) {
      float sum = __fmul_rn(to[d], rescale);
      for (int i = 0; i < kThreads && begin + i <= last; ++i) {
        if (begin + i < first) continue;
        sum = __fmaf_rn(weights[i], Load(kv.Value(token.pages, begin + i, kv_head) + d), sum);
      }
      to[d] = sum;
    }
  }
  for (int d = thread; d < kv.head_dim; d += kThreads) to[d] = __fdiv_rn(to[d], running.sum);
}

template <class T>
cudaError_t StoreAs(ConstMatrix keys, ConstMatrix values, const DeviceToken* tokens,
                    const KvBlocks& kv, cudaStream_t stream) {
  return LaunchHeads(keys.rows, kv.num_kv_heads, stream, StoreKvKernel<T>,
                     reinterpret_cast<const float*>(keys.data), keys.stride,
                     reinterpret_cast<const float*>(values.data), values.stride, tokens,
                     View<T>(kv));
}

template <class T>
cudaError_t AttendAs(ConstMatrix q, const DeviceToken* tokens, const KvBlocks& kv, int64_t window,
                     Matrix y, cudaStream_t stream) {
  const int64_t heads = q.cols / kv.head_dim;
  const float scale = 1 / std::sqrt(static_cast<float>(kv.head_dim));
  return LaunchHeads(q.rows, heads, stream, AttentionKernel<T>,
                     reinterpret_cast<const float*>(q.data), q.stride,
                     static_cast<int>(heads / kv.num_kv_heads), tokens, View<T>(kv), window, scale,
                     reinterpret_cast<float*>(y.data), y.stride);
}

}  // namespace

cudaError_t StoreKv(ConstMatrix keys, ConstMatrix values, const DeviceToken* tokens,
                    const KvBlocks& kv, cudaStream_t stream) {
  return kv.dtype == DType::kBF16 ? StoreAs<BF16>(keys, values, tokens, kv, stream)
                                  : StoreAs<float>(keys, values, tokens, kv, stream);
}

cudaError_t Attention(ConstMatrix q, const DeviceToken* tokens, const KvBlocks& kv, int64_t window,
                      Matrix y, cudaStream_t stream) {
  return kv.dtype == DType::kBF16 ? AttendAs<BF16>(q, tokens, kv, window, y, stream)
                                  : AttendAs<float>(q, tokens, kv, window, y, stream);
}

}  // namespace octet::cuda
