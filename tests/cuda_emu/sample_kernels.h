// Kernels by which the emulation is tested: right ones, and some with a fault each.

#ifndef OCTET_TESTS_CUDA_EMU_SAMPLE_KERNELS_H_
#define OCTET_TESTS_CUDA_EMU_SAMPLE_KERNELS_H_

#include <cuda_bf16.h>
#include <cuda_runtime_api.h>

#include <cstdint>

namespace octet::cuda_emu {

// out[b] = the sum of the block's part of x: [blocks * 64].
cudaError_t SumBlocks(const int* x, int* out, int blocks, cudaStream_t stream);

// out[0..31]: each lane's value of each warp operation, for the value x[lane]: xor 5, up 3, down 7,
// of lane 9, and the ballot of odd values; [5, 32].
cudaError_t WarpOperations(const int* x, int* out, cudaStream_t stream);

// out[16, 8] = a[16, 16] b[8, 16]^T, through shared memory and fragments.
cudaError_t MultiplyTile(const __nv_bfloat16* a, const __nv_bfloat16* b, float* out,
                         cudaStream_t stream);

// out[4 * lane + i] = matrix i as lanes get it, transposed or not, of x: four 8 x 8 matrices of 16
// bits.
cudaError_t LoadFragments(const uint16_t* x, uint32_t* out, bool transposed, cudaStream_t stream);

// out[i] = x[i] by way of shared memory and cp.async; [256].
cudaError_t CopyAsync(const int* x, int* out, cudaStream_t stream);

// x[i] += y; [256]
cudaError_t AddTo(int* x, int y, cudaStream_t stream);

// out[b] follows from x: [32], which each of the blocks reads before and after a barrier.
cudaError_t ReadInEachPhase(const int* x, int* out, int blocks, cudaStream_t stream);

// Faults.
cudaError_t PassToNextBlock(int* out, int blocks, cudaStream_t stream);  // [16 * blocks]
cudaError_t ShuffleAsBarrier(int* out, cudaStream_t stream);             // [32]
cudaError_t HalfABarrier(cudaStream_t stream);                           // one warp of two meets it
cudaError_t DifferentBarriers(int* out, cudaStream_t stream);            // in the branches of an if
cudaError_t ShuffleFromNobody(int* out, cudaStream_t stream);
cudaError_t ReadUnwritten(float* out, cudaStream_t stream);  // of shared memory

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_SAMPLE_KERNELS_H_
