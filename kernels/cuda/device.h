// What device code is written with: nvcc compiles it for GPUs, and g++ for the emulation of the
// tests (tests/cuda_emu), which defines the same.

#ifndef OCTET_KERNELS_CUDA_DEVICE_H_
#define OCTET_KERNELS_CUDA_DEVICE_H_

#include <cuda_runtime.h>

#include <cmath>

#include "kernels/base/dtype.h"

#ifdef __CUDACC__

#define OCTET_DEVICE __device__ __forceinline__

// An array of the block, whose values are not defined at first.
#define OCTET_SHARED(type, name, size) __shared__ type name[size]

// The bytes that the launch asked for.
#define OCTET_DYNAMIC_SHARED(type, name)                                 \
  extern __shared__ __align__(1024) unsigned char octet_dynamic_bytes[]; \
  auto* name = reinterpret_cast<type*>(octet_dynamic_bytes)

#endif  // __CUDACC__

#ifndef OCTET_DEVICE
#error "device code is compiled by nvcc, or with the emulation of tests/cuda_emu"
#endif

namespace octet {

inline constexpr int kLanes = 32;  // of a warp
inline constexpr unsigned kAllLanes = 0xFFFFFFFFU;

// Folds the values of a warp's lanes; the result is on each of them, always folded in one order.
template <class Fold>
OCTET_DEVICE float FoldWarp(float value, Fold fold) {
#pragma unroll
  for (int lanes = kLanes / 2; lanes > 0; lanes /= 2) {
    value = fold(value, __shfl_xor_sync(kAllLanes, value, lanes));
  }
  return value;
}

// The same over a block of kThreads threads. Between two calls with the same fold there must be
// another barrier.
template <int kThreads, class Fold>
OCTET_DEVICE float FoldBlock(float value, Fold fold) {
  static_assert(kThreads % kLanes == 0);
  OCTET_SHARED(float, of_warps, kThreads / kLanes);
  value = FoldWarp(value, fold);
  if (threadIdx.x % kLanes == 0) of_warps[threadIdx.x / kLanes] = value;
  __syncthreads();
  float folded = of_warps[0];
#pragma unroll
  for (int w = 1; w < kThreads / kLanes; ++w) folded = fold(folded, of_warps[w]);
  return folded;
}

struct Sum {
  OCTET_DEVICE float operator()(float a, float b) const { return __fadd_rn(a, b); }
};
struct Maximum {
  OCTET_DEVICE float operator()(float a, float b) const { return fmaxf(a, b); }
};

// Numbers as they are stored.
OCTET_DEVICE float Load(const float* p) { return *p; }
OCTET_DEVICE float Load(const BF16* p) {
  return __uint_as_float(static_cast<unsigned>(p->bits) << 16);
}
OCTET_DEVICE void Store(float x, float* p) { *p = x; }

// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
OCTET_DEVICE void Store(float x, BF16* p) {
  const unsigned bits = __float_as_uint(x);
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  const unsigned rounded = is_nan ? bits >> 16 | 0x40U : (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  p->bits = static_cast<uint16_t>(rounded);
}

}  // namespace octet

#endif  // OCTET_KERNELS_CUDA_DEVICE_H_
