// Sums of the probabilities of a row, and searches by them, by all threads of a block; for
// sampling.cu.

#ifndef OCTET_KERNELS_CUDA_ROW_SEARCH_H_
#define OCTET_KERNELS_CUDA_ROW_SEARCH_H_

#include <cstdint>

#include "kernels/cuda/device.h"

namespace octet::cuda {

inline constexpr int kSearchThreads = 256;  // of the block
inline constexpr int kSearchWarps = kSearchThreads / kLanes;

struct Numbers {
  const float* data;
  int count;

  OCTET_DEVICE unsigned Bits(int i) const { return __float_as_uint(data[i]); }
};

// A probability in units of 2^-62; what is less is dropped. Sums of them have no order.
OCTET_DEVICE uint64_t Mass(unsigned bits) {
  const int exponent = static_cast<int>(bits >> 23);
  const uint64_t fraction = bits & 0x7FFFFFU;
  const uint64_t number = exponent == 0 ? fraction : fraction | 0x800000U;
  const int shift = (exponent == 0 ? 1 : exponent) - 88;
  if (shift >= 0) return number << shift;
  return shift > -kLanes ? number >> -shift : 0;
}

// A number below 1 in units of 2^-64.
OCTET_DEVICE uint64_t FractionOf(float x) {
  const unsigned bits = __float_as_uint(x);
  const int shift = static_cast<int>(bits >> 23) - 86;
  const uint64_t number = (bits & 0x7FFFFFU) | 0x800000U;
  if (shift >= 0) return number << shift;
  return shift > -kLanes ? number >> -shift : 0;
}

// The sums of values over all threads.
template <int kCount>
OCTET_DEVICE void SumThreads(uint64_t (&values)[kCount]) {
  OCTET_SHARED(uint64_t, of_warps, kCount * kSearchWarps);
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (uint64_t& value : values) {
#pragma unroll
    for (int lanes = kLanes / 2; lanes > 0; lanes /= 2) {
      value += __shfl_xor_sync(kAllLanes, value, lanes);
    }
  }
  __syncthreads();  // all have read the sums of the last call
  if (thread % kLanes == 0) {
    for (int i = 0; i < kCount; ++i) of_warps[i * kSearchWarps + thread / kLanes] = values[i];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    values[i] = 0;
    for (int w = 0; w < kSearchWarps; ++w) values[i] += of_warps[i * kSearchWarps + w];
  }
}

// The sum of a value over the threads before this one.
OCTET_DEVICE uint64_t SumThreadsBefore(uint64_t value) {
  OCTET_SHARED(uint64_t, of_warps, kSearchWarps);
  const int thread = static_cast<int>(threadIdx.x);
  uint64_t sum = value;  // of the lanes up to this one
#pragma unroll
  for (int lanes = 1; lanes < kLanes; lanes *= 2) {
    const uint64_t before = __shfl_up_sync(kAllLanes, sum, lanes);
    if (thread % kLanes >= lanes) sum += before;
  }
  if (thread % kLanes == kLanes - 1) of_warps[thread / kLanes] = sum;
  __syncthreads();
  sum -= value;
  for (int w = 0; w < thread / kLanes; ++w) sum += of_warps[w];
  return sum;
}

// The sum of weigh(bits) over all numbers.
template <class Weigh>
OCTET_DEVICE uint64_t SumOver(const Numbers& numbers, Weigh weigh) {
  uint64_t sum[1] = {};
  for (int i = static_cast<int>(threadIdx.x); i < numbers.count; i += kSearchThreads) {
    sum[0] += weigh(numbers.Bits(i));
  }
  SumThreads(sum);
  return sum[0];
}

// The largest x for which weigh(bits), summed over bits >= x, is above `target`. It is for x = 0.
template <class Weigh>
OCTET_DEVICE unsigned FindLeast(const Numbers& numbers, Weigh weigh, uint64_t target) {
  unsigned found = 0;
  for (int shift = 30; shift >= 0; shift -= 2) {
    uint64_t sums[3] = {};
    for (int i = static_cast<int>(threadIdx.x); i < numbers.count; i += kSearchThreads) {
      const unsigned bits = numbers.Bits(i);
      const uint64_t weight = weigh(bits);
#pragma unroll
      for (unsigned c = 0; c < 3; ++c) sums[c] += bits >= found + ((c + 1) << shift) ? weight : 0;
    }
    SumThreads(sums);
    unsigned steps = 0;
    for (const uint64_t sum : sums) steps += sum > target ? 1 : 0;
    found += steps << shift;
  }
  return found;
}

// Where a cumulative sum passes a target: before <= target < after.
struct Passing {
  int index;
  uint64_t before;
  uint64_t after;
};

// By index. The sum over all passes the target. A kernel calls it once.
template <class Weigh>
OCTET_DEVICE Passing FindIndex(const Numbers& numbers, Weigh weigh, uint64_t target) {
  OCTET_SHARED(Passing, found, 1);
  const int per_thread = (numbers.count + kSearchThreads - 1) / kSearchThreads;
  const int begin = static_cast<int>(threadIdx.x) * per_thread;
  const int end = min(begin + per_thread, numbers.count);
  uint64_t sum = 0;
  for (int i = begin; i < end; ++i) sum += weigh(numbers.Bits(i));
  uint64_t before = SumThreadsBefore(sum);
  if (before <= target && target < before + sum) {
    int i = begin;
    uint64_t after = before + weigh(numbers.Bits(i));
    while (after <= target && i + 1 < end) {
      before = after;
      after += weigh(numbers.Bits(++i));
    }
    found[0] = {i, before, after};
  }
  __syncthreads();
  return found[0];
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_ROW_SEARCH_H_
