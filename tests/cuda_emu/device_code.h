// What device code uses, for g++: included before each .cu file in place of what nvcc knows.
//
// Shared memory is declared by the macros of kernels/cuda/device.h alone, and kernels are started
// by cudaLaunchKernelEx on a stream alone: __shared__ and <<< >>> do not compile.

#ifndef OCTET_TESTS_CUDA_EMU_DEVICE_CODE_H_
#define OCTET_TESTS_CUDA_EMU_DEVICE_CODE_H_

#define cudaLaunchKernelEx octet_hidden_cudaLaunchKernelEx  // NVIDIA's own; ours stands below
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#undef cudaLaunchKernelEx

#include <bit>
#include <cmath>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tests/cuda_emu/grid.h"
#include "tests/cuda_emu/ptx.h"
#include "tests/cuda_emu/warp_operations.h"

#undef __shared__
#define __shared__ use_the_macros_of_device_h
#undef __launch_bounds__
#define __launch_bounds__(...)

#define OCTET_DEVICE inline
#define OCTET_SHARED(type, name, size)                                                       \
  static const char name##_key = 0;                                                          \
  auto& name = *static_cast<type(*)[size]>(octet::cuda_emu::Block::Running().shared().Array( \
      &name##_key, sizeof(type[size]), alignof(type)))
#define OCTET_DYNAMIC_SHARED(type, name) \
  auto* name = static_cast<type*>(octet::cuda_emu::Block::Running().shared().dynamic())

#define OCTET_SITE_PARAMETERS const char *file = __builtin_FILE(), int line = __builtin_LINE()

extern uint3 threadIdx, blockIdx;  // of the thread that runs
extern dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  // Parameters are copied at the launch, and each thread has its own.
  const std::tuple<std::decay_t<Parameters>...> given(std::forward<Arguments>(arguments)...);
  return octet::cuda_emu::Launch(*config, reinterpret_cast<const void*>(kernel), [kernel, given] {
    auto own = given;
    std::apply(kernel, own);
  });
}

inline void __syncthreads(OCTET_SITE_PARAMETERS) {
  octet::cuda_emu::Block::Running().Barrier(0, {file, line});
}
inline int __syncthreads_count(int predicate, OCTET_SITE_PARAMETERS) {
  return octet::cuda_emu::Block::Running().Barrier(predicate != 0 ? 1 : 0, {file, line});
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU, OCTET_SITE_PARAMETERS) {
  octet::cuda_emu::SyncWarp(mask, {file, line});
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, OCTET_SITE_PARAMETERS) {
  const int lane = octet::cuda_emu::Block::Running().lane();
  const int first = lane / width * width;
  return octet::cuda_emu::Shuffle(mask, value, first + (source & (width - 1)), {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, OCTET_SITE_PARAMETERS) {
  const int lane = octet::cuda_emu::Block::Running().lane();
  const int source = lane ^ lanes;
  return octet::cuda_emu::Shuffle(mask, value, source / width > lane / width ? lane : source,
                                  {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, OCTET_SITE_PARAMETERS) {
  const int lane = octet::cuda_emu::Block::Running().lane();
  const int source = lane - static_cast<int>(delta);
  return octet::cuda_emu::Shuffle(mask, value, source < lane / width * width ? lane : source,
                                  {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, OCTET_SITE_PARAMETERS) {
  const int lane = octet::cuda_emu::Block::Running().lane();
  const int source = lane + static_cast<int>(delta);
  return octet::cuda_emu::Shuffle(mask, value, source / width > lane / width ? lane : source,
                                  {file, line});
}
inline void __trap() { octet::cuda_emu::Block::Running().Fail("a trap"); }
inline unsigned __ballot_sync(unsigned mask, int predicate, OCTET_SITE_PARAMETERS) {
  return octet::cuda_emu::Ballot(mask, predicate != 0, {file, line});
}

template <class T>
T __ldg(const T* p) {
  return *p;
}
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frsqrt_rn(float x) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(x)));
}
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

#endif  // OCTET_TESTS_CUDA_EMU_DEVICE_CODE_H_
