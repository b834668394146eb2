// Paged attention on a CUDA device by tensor cores, for prefill and decoding.
//
// All pointers are to memory of the device, KvBlocks::pages too, unless said otherwise.

#ifndef OCTET_KERNELS_CUDA_FLASH_ATTENTION_H_
#define OCTET_KERNELS_CUDA_FLASH_ATTENTION_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/base/attention.h"
#include "kernels/base/matrix.h"
#include "kernels/cuda/query_tile.h"

namespace octet::cuda {

// Whether FlashAttention takes this cache: bfloat16, heads of 64 or 128 dimensions, pages aligned
// to 16 bytes, and at most 64 heads to a key-value head.
bool FlashTakes(const KvBlocks& kv, int64_t num_heads);

// The most tokens of a tile where so many heads share a key-value head.
int64_t MostTileTokens(int64_t heads_of_kv);

// As Attention (attention.h), for a cache that FlashTakes; each float32 operand of a product is
// taken as the sum of two bfloat16. A token's result has the same bits whatever tile it is in,
// whatever the other tiles are, and whether splits are computed side by side. q, y: [N, num_heads *
// head_dim]; y is aligned to 8 bytes, and the strides are even, else cudaErrorInvalidValue.
struct FlashAttention {
  ConstMatrix q;
  const QueryTile* tiles;  // [num_tiles]
  int64_t num_tiles;
  int64_t tile_tokens;  // no tile has more; at most MostTileTokens
  KvBlocks kv;
  int64_t window;
  int64_t max_context;  // with `partials`, results of tokens from this position on may be NaNs
  // [PartialFloats(tiles_at_a_time)], 8-byte aligned; null: each block walks all its splits
  float* partials;
  int64_t tiles_at_a_time;  // 1 or more, with `partials`
  Matrix y;

  // Whether there are fewer blocks than this without `partials`, and more with them.
  bool WantsPartials(int64_t num_blocks) const;
  // The floats for the splits of so many tiles.
  int64_t PartialFloats(int64_t count) const;

  cudaError_t Compute(cudaStream_t stream) const;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_FLASH_ATTENTION_H_
