// Calls of kernels with some numbers, for those who watch what they do to memory.

#ifndef OCTET_TESTS_KERNELS_CUDA_KERNEL_CALLS_H_
#define OCTET_TESTS_KERNELS_CUDA_KERNEL_CALLS_H_

#include <cstdint>
#include <functional>

#include "kernels/cuda/sampling.h"
#include "tests/cuda_emu/emulated_device.h"
#include "tests/kernels/cuda/arrived_case.h"
#include "tests/kernels/cuda/paged_cache.h"

namespace octet::cuda {

// Runs one kernel, or more, and waits for them. They may fail.
using KernelCall = std::function<void(const cuda_emu::TestStream& stream)>;

// Those that compute something.
inline KernelCall CallOf(const cuda_emu::Compute& compute) {
  return [compute](const cuda_emu::TestStream& stream) { (void)compute(stream); };
}

KernelCall CallRmsNorm(int64_t rows, int64_t cols);
KernelCall CallAdd(int64_t rows, int64_t cols);
KernelCall CallGatherRows(int64_t rows, int64_t cols);  // of float32, of twice as many, to bfloat16
KernelCall CallWeightedSum(int64_t sums, int64_t cols);  // of two rows each
KernelCall CallSoftmax(int64_t rows, int64_t cols);
KernelCall CallLogSumExp(int64_t rows, int64_t cols);
KernelCall CallRope(int64_t rows, int64_t heads, int head_dim);  // positions 0, 1, ...
KernelCall CallRoute(int64_t tokens, int64_t experts, int topk);
KernelCall CallAllFinite(int64_t rows, int64_t cols);

// Softmax and the draw. logits: for each of `rows` as many.
KernelCall CallSampling(const std::vector<float>& logits, const std::vector<SampleRow>& rows,
                        const std::vector<float>& scales);

// LogSumExp and the ranks.
KernelCall CallTokenLogprobs(int64_t rows, int64_t vocab_size);

// StoreKv, then the plain attention of the last token.
KernelCall CallAttention(DType dtype, const HeadShape& shape, int64_t length);

KernelCall CallCountSends(const HomeCase& home);

// CountSends, ExactBases, PlanSends; or CapacityBases, PlanSends.
KernelCall CallPlanSends(const HomeCase& home, Bases kind);

// CountRows, PlaceRows, ListReturns, CountPairs.
KernelCall CallPlanExperts(const ArrivedCase& arrived);

// The home's half of an exchange of rows: GatherMessages to bfloat16, then Combine of as many rows
// as would come back.
KernelCall CallHomeRows(const HomeCase& home, int64_t cols);

// The owner's half, after the three kernels of its plan: SumReturns.
KernelCall CallSumReturns(const ArrivedCase& arrived, int64_t cols);

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_KERNEL_CALLS_H_
