// The draw of tokens on a CUDA device.
//
// All pointers are to memory of the device.

#ifndef OCTET_KERNELS_CUDA_SAMPLING_H_
#define OCTET_KERNELS_CUDA_SAMPLING_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/base/matrix.h"

namespace octet::cuda {

// How a token is drawn, as TokenFilterParams (kernels/base/token_filter.h) and Uniform
// (runtime/model/random.h) say.
struct SampleRow {
  float min_p = 0;    // at most 1
  int32_t top_k = 0;  // 0 keeps all
  float top_p = 1;
  uint64_t draw = 0;  // the uniform number times 2^53
};

// Draws a token from each row of logits: by Softmax (rows.h) and then the rule of TokenFilter,
// whose token it is for the same probabilities, to the last bit of its sums. All tensors have one
// row for each token. What is drawn from a row that is not finite is some token.
struct Sampling {
  ConstMatrix logits;     // [N, vocab_size] float32
  const float* scales;    // [N] 1 / temperature; 0: the first of the greatest logits
  const SampleRow* rows;  // [N]
  Matrix probabilities;   // [N, vocab_size] float32: room; may be the logits where no scale is 0
  int32_t* tokens;        // [N]

  cudaError_t Compute(cudaStream_t stream) const;
};

// logprobs[m] = the log-softmax of tokens[m] in row m of the logits. ranks[m]: the best one's is 1;
// equal logits are ordered by id. Each: [logits.rows].
cudaError_t TokenLogprobs(ConstMatrix logits, const int32_t* tokens, float* logprobs,
                          int32_t* ranks, cudaStream_t stream);

// are_finite[m] = 1 if all numbers of row m of x are finite, else 0. are_finite: [x.rows]
cudaError_t AllFinite(ConstMatrix x, int32_t* are_finite, cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_SAMPLING_H_
