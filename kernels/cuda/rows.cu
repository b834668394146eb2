#include "kernels/cuda/rows.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/row_views.h"

namespace octet::cuda {
namespace {

__global__ void __launch_bounds__(kRowThreads)
    RmsNormKernel(Rows<const float> x, const float* weight, float eps, Rows<float> y) {
  const float* const from = x[blockIdx.x];
  float* const to = y[blockIdx.x];
  float squares = 0;
  for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) {
    squares = __fmaf_rn(from[c], from[c], squares);
  }
  const float mean = __fdiv_rn(FoldBlock<kRowThreads>(squares, Sum()), static_cast<float>(x.cols));
  // A row that overflows must not look like a result, as zeros would.
  const float scale = mean == INFINITY ? NAN : __frsqrt_rn(__fadd_rn(mean, eps));
  for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) {
    to[c] = __fmul_rn(__fmul_rn(from[c], scale), weight[c]);
  }
}

__global__ void __launch_bounds__(kRowThreads) AddKernel(Rows<const float> x, Rows<float> y) {
  const float* const from = x[blockIdx.x];
  float* const to = y[blockIdx.x];
  for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) to[c] = __fadd_rn(to[c], from[c]);
}

template <class From, class To>
__global__ void __launch_bounds__(kRowThreads)
    GatherRowsKernel(Rows<const From> x, const int32_t* rows, Rows<To> y) {
  const int64_t row = blockIdx.x;
  const From* const from = x[rows == nullptr ? row : rows[row]];
  To* const to = y[row];
  for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) Store(Load(from + c), to + c);
}

__global__ void __launch_bounds__(kRowThreads)
    WeightedSumKernel(Rows<const float> x, DeviceRowSums sums, Rows<float> y) {
  const int64_t sum = blockIdx.x;
  float* const to = y[sums.results == nullptr ? sum : sums.results[sum]];
  const int32_t begin = sums.offsets[sum];
  const int32_t end = sums.offsets[sum + 1];
  for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) {
    float value = -0.0F;  // to which any number can be added without change
    for (int32_t i = begin; i < end; ++i) {
      value = __fadd_rn(value, __fmul_rn(sums.weights[i], x[sums.rows[i]][c]));
    }
    to[c] = value;
  }
}

// The largest of a row, each multiplied by `scale`.
OCTET_DEVICE float MaximumOfRow(const float* row, int64_t cols, float scale) {
  float largest = -INFINITY;
  for (int64_t c = threadIdx.x; c < cols; c += kRowThreads) {
    largest = fmaxf(largest, __fmul_rn(row[c], scale));
  }
  return FoldBlock<kRowThreads>(largest, Maximum());
}

// The sum of exp(scale x - largest).
OCTET_DEVICE float SumOfExp(const float* row, int64_t cols, float scale, float largest) {
  float sum = 0;
  for (int64_t c = threadIdx.x; c < cols; c += kRowThreads) {
    sum = __fadd_rn(sum, expf(__fsub_rn(__fmul_rn(row[c], scale), largest)));
  }
  return FoldBlock<kRowThreads>(sum, Sum());
}

__global__ void __launch_bounds__(kRowThreads)
    SoftmaxKernel(Rows<const float> x, const float* scales, Rows<float> y) {
  const float* const from = x[blockIdx.x];
  float* const to = y[blockIdx.x];
  const float scale = scales == nullptr ? 1.0F : scales[blockIdx.x];
  const float largest = MaximumOfRow(from, x.cols, scale);
  const float sum = SumOfExp(from, x.cols, scale, largest);
  for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads) {
    to[c] = __fdiv_rn(expf(__fsub_rn(__fmul_rn(from[c], scale), largest)), sum);
  }
}

__global__ void __launch_bounds__(kRowThreads) LogSumExpKernel(Rows<const float> x, float* result) {
  const float* const row = x[blockIdx.x];
  const float largest = MaximumOfRow(row, x.cols, 1.0F);
  const float sum = SumOfExp(row, x.cols, 1.0F, largest);
  if (threadIdx.x == 0) result[blockIdx.x] = __fadd_rn(largest, logf(sum));
}

__global__ void __launch_bounds__(kRowThreads)
    RopeKernel(Rows<float> x, int half, const int32_t* positions, Rows<const float> cos_table,
               Rows<const float> sin_table) {
  float* const row = x[blockIdx.x];
  const int32_t position = positions[blockIdx.x];
  for (int64_t i = threadIdx.x; i < x.cols / 2; i += kRowThreads) {
    const int64_t head = i / half;
    const int64_t j = i % half;
    float* const first = row + head * 2 * half + j;
    float* const second = first + half;
    const float cos = cos_table[position][j];
    const float sin = sin_table[position][j];
    const float a = *first;
    const float b = *second;
    *first = __fsub_rn(__fmul_rn(a, cos), __fmul_rn(b, sin));
    *second = __fadd_rn(__fmul_rn(b, cos), __fmul_rn(a, sin));
  }
}

template <class From, class To>
cudaError_t Gather(ConstMatrix x, const int32_t* rows, Matrix y, cudaStream_t stream) {
  return LaunchRows(y.rows, stream, GatherRowsKernel<From, To>, View<From>(x), rows, View<To>(y));
}

}  // namespace

cudaError_t RmsNorm(ConstMatrix x, const float* weight, float eps, Matrix y, cudaStream_t stream) {
  return LaunchRows(x.rows, stream, RmsNormKernel, View<float>(x), weight, eps, View<float>(y));
}

cudaError_t Add(ConstMatrix x, Matrix y, cudaStream_t stream) {
  return LaunchRows(x.rows, stream, AddKernel, View<float>(x), View<float>(y));
}

cudaError_t GatherRows(ConstMatrix x, const int32_t* rows, Matrix y, cudaStream_t stream) {
  const bool from_bf16 = x.dtype == DType::kBF16;
  if (y.dtype == DType::kBF16) {
    return from_bf16 ? Gather<BF16, BF16>(x, rows, y, stream)
                     : Gather<float, BF16>(x, rows, y, stream);
  }
  return from_bf16 ? Gather<BF16, float>(x, rows, y, stream)
                   : Gather<float, float>(x, rows, y, stream);
}

cudaError_t WeightedSum(ConstMatrix x, const DeviceRowSums& sums, Matrix y, cudaStream_t stream) {
  return LaunchRows(sums.num_sums, stream, WeightedSumKernel, View<float>(x), sums, View<float>(y));
}

cudaError_t Softmax(ConstMatrix x, const float* scales, Matrix y, cudaStream_t stream) {
  return LaunchRows(x.rows, stream, SoftmaxKernel, View<float>(x), scales, View<float>(y));
}

cudaError_t LogSumExp(ConstMatrix x, float* result, cudaStream_t stream) {
  return LaunchRows(x.rows, stream, LogSumExpKernel, View<float>(x), result);
}

cudaError_t Rope(Matrix x, int head_dim, const int32_t* positions, ConstMatrix cos, ConstMatrix sin,
                 cudaStream_t stream) {
  return LaunchRows(x.rows, stream, RopeKernel, View<float>(x), head_dim / 2, positions,
                    View<float>(cos), View<float>(sin));
}

}  // namespace octet::cuda
