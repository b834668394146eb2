// Paged attention on a CUDA device: the plain kernel, in float32 between loads and stores.
//
// All pointers are to memory of the device; KvBlocks::pages too.

#ifndef OCTET_KERNELS_CUDA_ATTENTION_H_
#define OCTET_KERNELS_CUDA_ATTENTION_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/base/attention.h"
#include "kernels/base/matrix.h"

namespace octet::cuda {

// A token of a batch, and where its sequence is stored.
struct DeviceToken {
  int32_t position;      // -1: nothing is stored, and the attention is NaN
  const int32_t* pages;  // page of positions [i * kKvBlock, (i + 1) * kKvBlock)
};

// Writes keys and values of the tokens into their pages, rounded to the dtype of `kv`. keys,
// values: [N, num_kv_heads * head_dim]; tokens: [N].
cudaError_t StoreKv(ConstMatrix keys, ConstMatrix values, const DeviceToken* tokens,
                    const KvBlocks& kv, cudaStream_t stream);

// Causal attention of each token to the stored positions of its sequence, itself included; only the
// last `window` ones unless it is 0. Folds of kAttentionFold positions from position 0, so that a
// token's result does not depend on the others. q, y: [N, num_heads * head_dim]; tokens: [N];
// num_heads is a multiple of kv.num_kv_heads.
cudaError_t Attention(ConstMatrix q, const DeviceToken* tokens, const KvBlocks& kv, int64_t window,
                      Matrix y, cudaStream_t stream);

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_ATTENTION_H_
