// What device code is written with: nvcc compiles it for GPUs, and g++ for the emulation of the
// tests (tests/cuda_emu), which defines the same.

#ifndef OCTET_KERNELS_CUDA_DEVICE_H_
#define OCTET_KERNELS_CUDA_DEVICE_H_

#include <cuda_runtime.h>

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

// The sum over the lanes of a warp, on each of them; always in the same order.
OCTET_DEVICE float WarpSum(float value) {
#pragma unroll
  for (int lanes = kLanes / 2; lanes > 0; lanes /= 2) {
    value = __fadd_rn(value, __shfl_xor_sync(kAllLanes, value, lanes));
  }
  return value;
}

// The same over a block of kThreads threads. Once in a kernel, or with __syncthreads in between.
template <int kThreads>
OCTET_DEVICE float BlockSum(float value) {
  static_assert(kThreads % kLanes == 0);
  OCTET_SHARED(float, warp_sums, kThreads / kLanes);
  value = WarpSum(value);
  if (threadIdx.x % kLanes == 0) warp_sums[threadIdx.x / kLanes] = value;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int w = 0; w < kThreads / kLanes; ++w) sum = __fadd_rn(sum, warp_sums[w]);
  return sum;
}

}  // namespace octet

#endif  // OCTET_KERNELS_CUDA_DEVICE_H_
