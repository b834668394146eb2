#include "tests/cuda_emu/sample_kernels.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"

namespace octet::cuda_emu {
namespace {

constexpr int kSumThreads = 64;
constexpr int kCopyThreads = 64;

__global__ void SumBlocksKernel(const int* x, int* out) {
  OCTET_SHARED(int, values, kSumThreads);
  values[threadIdx.x] = x[blockIdx.x * kSumThreads + threadIdx.x];
  __syncthreads();
  for (unsigned half = kSumThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = values[0];
}

__global__ void WarpOperationsKernel(const int* x, int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const int value = x[lane];
  out[lane] = __shfl_xor_sync(kAllLanes, value, 5);
  out[32 + lane] = __shfl_up_sync(kAllLanes, value, 3);
  out[64 + lane] = __shfl_down_sync(kAllLanes, value, 7);
  out[96 + lane] = __shfl_sync(kAllLanes, value, 9);
  out[128 + lane] = static_cast<int>(__ballot_sync(kAllLanes, value % 2));
}

__global__ void MultiplyTileKernel(const __nv_bfloat16* a, const __nv_bfloat16* b, float* out) {
  OCTET_SHARED(uint4, a_rows, 32);
  OCTET_SHARED(uint4, b_rows, 32);
  const int lane = static_cast<int>(threadIdx.x);
  a_rows[lane] = reinterpret_cast<const uint4*>(a)[lane];  // two to a row
  b_rows[lane] = reinterpret_cast<const uint4*>(b)[lane % 16];
  __syncwarp();
  uint32_t a_fragment[4];
  uint32_t b_fragment[4];
  // Matrices 0 and 1: rows 0 to 7 and 8 to 15 of columns 0 to 7; 2 and 3: of columns 8 to 15.
  ptx::LoadMatrices(a_fragment, &a_rows[lane % 16 * 2 + lane / 16]);
  ptx::LoadMatrices(b_fragment, &b_rows[lane % 8 * 2 + lane / 8 % 2]);
  const uint32_t b_halves[2] = {b_fragment[0], b_fragment[1]};
  float d[4] = {};
  ptx::MmaBf16(d, a_fragment, b_halves);
  for (int i = 0; i < 4; ++i) out[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = d[i];
}

__global__ void LoadFragmentsKernel(const uint16_t* x, uint32_t* out, bool transposed) {
  OCTET_SHARED(uint4, rows, 32);
  const int lane = static_cast<int>(threadIdx.x);
  rows[lane] = reinterpret_cast<const uint4*>(x)[lane];
  __syncwarp();
  uint32_t fragments[4];
  if (transposed) {
    ptx::LoadTransposedMatrices(fragments, &rows[lane]);
  } else {
    ptx::LoadMatrices(fragments, &rows[lane]);
  }
  for (unsigned i = 0; i < 4; ++i) out[4 * threadIdx.x + ptx::NotBefore(i)] = fragments[i];
}

__global__ void CopyAsyncKernel(const int* x, int* out) {
  OCTET_DYNAMIC_SHARED(int4, parts);
  const unsigned thread = threadIdx.x;
  ptx::CpAsync16(&parts[thread], x + 4 * thread, true);
  ptx::CpAsyncCommit();
  ptx::CpAsyncWait<0>();
  __syncthreads();
  reinterpret_cast<int4*>(out)[thread] = parts[kCopyThreads - 1 - thread];
}

__global__ void AddToKernel(int* x, int y) { x[threadIdx.x] += y; }

__global__ void HalfABarrierKernel() {
  if (threadIdx.x >= 32) __syncthreads();
  __syncwarp();
  if (threadIdx.x < 32) __syncwarp();
}

__global__ void DifferentBarriersKernel(int* out) {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1;
}

__global__ void ShuffleFromNobodyKernel(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0x0000FFFFU, 1, 20);
}

// Each thread reads what the block before it has written.
__global__ void PassToNextBlockKernel(int* out) {
  const unsigned i = blockIdx.x * 16 + threadIdx.x;
  out[i] = blockIdx.x == 0 ? 1 : out[i - 16] + 1;
}

__global__ void ShuffleAsBarrierKernel(int* out) {
  OCTET_SHARED(int, values, 32);
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  const int lane = __shfl_xor_sync(kAllLanes, static_cast<int>(threadIdx.x), 1);
  out[threadIdx.x] = values[lane];
}

__global__ void ReadInEachPhaseKernel(const int* x, int* out) {
  OCTET_SHARED(int, sum, 32);
  sum[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  sum[threadIdx.x] += 2 * x[31 - threadIdx.x];
  __syncthreads();
  if (threadIdx.x == 0) out[blockIdx.x] = sum[0] + sum[31];
}

__global__ void ReadUnwrittenKernel(float* out) {
  OCTET_SHARED(float, values, 32);
  out[threadIdx.x] = values[threadIdx.x];
}

cudaLaunchConfig_t Config(int blocks, int threads, cudaStream_t stream, size_t shared_bytes = 0) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  return config;
}

}  // namespace

cudaError_t SumBlocks(const int* x, int* out, int blocks, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(blocks, kSumThreads, stream);
  return cudaLaunchKernelEx(&config, SumBlocksKernel, x, out);
}

cudaError_t WarpOperations(const int* x, int* out, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 32, stream);
  return cudaLaunchKernelEx(&config, WarpOperationsKernel, x, out);
}

cudaError_t MultiplyTile(const __nv_bfloat16* a, const __nv_bfloat16* b, float* out,
                         cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 32, stream);
  return cudaLaunchKernelEx(&config, MultiplyTileKernel, a, b, out);
}

cudaError_t LoadFragments(const uint16_t* x, uint32_t* out, bool transposed, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 32, stream);
  return cudaLaunchKernelEx(&config, LoadFragmentsKernel, x, out, transposed);
}

cudaError_t CopyAsync(const int* x, int* out, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, kCopyThreads, stream, kCopyThreads * sizeof(int4));
  return cudaLaunchKernelEx(&config, CopyAsyncKernel, x, out);
}

cudaError_t AddTo(int* x, int y, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 256, stream);
  return cudaLaunchKernelEx(&config, AddToKernel, x, y);
}

cudaError_t HalfABarrier(cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 64, stream);
  return cudaLaunchKernelEx(&config, HalfABarrierKernel);
}

cudaError_t DifferentBarriers(int* out, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 64, stream);
  return cudaLaunchKernelEx(&config, DifferentBarriersKernel, out);
}

cudaError_t ShuffleFromNobody(int* out, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 32, stream);
  return cudaLaunchKernelEx(&config, ShuffleFromNobodyKernel, out);
}

cudaError_t PassToNextBlock(int* out, int blocks, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(blocks, 16, stream);
  return cudaLaunchKernelEx(&config, PassToNextBlockKernel, out);
}

cudaError_t ShuffleAsBarrier(int* out, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 32, stream);
  return cudaLaunchKernelEx(&config, ShuffleAsBarrierKernel, out);
}

cudaError_t ReadInEachPhase(const int* x, int* out, int blocks, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(blocks, 32, stream);
  return cudaLaunchKernelEx(&config, ReadInEachPhaseKernel, x, out);
}

cudaError_t ReadUnwritten(float* out, cudaStream_t stream) {
  const cudaLaunchConfig_t config = Config(1, 32, stream);
  return cudaLaunchKernelEx(&config, ReadUnwrittenKernel, out);
}

}  // namespace octet::cuda_emu
