// The layout of keys and values, and the tokens of one call of attention.

#ifndef OCTET_KERNELS_BASE_ATTENTION_H_
#define OCTET_KERNELS_BASE_ATTENTION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/base/dtype.h"

namespace octet {

// The number of positions in one page of the KV cache.
inline constexpr int kKvBlock = 32;

// The number of positions whose scores attention folds together, from position 0. With it, the
// result does not depend on how the positions were divided into calls. Part of every numerics
// class.
inline constexpr int kAttentionFold = 128;

// Devices with tensor cores divide positions into splits from position 0. Attention to each is
// computed by itself, and the results are merged in ascending order.
inline constexpr int kAttentionSplit = 2 * kAttentionFold;

// The rows of the largest tile that they compute at a time; a token has one for each head that
// shares a key-value head.
inline constexpr int kMostTileRows = 64;

// Beside the result of a row in a split: the largest score and the sum of weights.
inline constexpr int kSplitNumbers = 2;

// The most bytes of results of splits that a device keeps at a time.
inline constexpr int64_t kMostSplitBytes = int64_t{128} << 20;

// The same where at most `num_tokens` tokens see at most `max_context` positions.
constexpr int64_t MostSplitBytes(int64_t num_tokens, int64_t num_kv_heads, int64_t head_dim,
                                 int64_t max_context) {
  const int64_t num_splits = (max_context + kAttentionSplit - 1) / kAttentionSplit;
  if (num_splits < 2) return 0;
  const auto row = (head_dim + kSplitNumbers) * static_cast<int64_t>(sizeof(float));
  return std::min(kMostSplitBytes, num_tokens * kMostTileRows * num_kv_heads * num_splits * row);
}

// The pages of one layer. Page p holds for key-value head h, as `dtype`:
//
//   keys [head_dim][kKvBlock]   then   values [kKvBlock][value_stride]
//
// Keys lie by dimension, so that one vector holds 16 positions. Values lie by position, so that one
// vector holds 16 dimensions.
struct KvBlocks {
  std::byte* pages = nullptr;
  size_t page_bytes = 0;  // from one page of this layer to the next
  DType dtype = DType::kF32;
  int num_kv_heads = 0;
  int head_dim = 0;

  int value_stride() const { return ValueStride(head_dim); }
  static constexpr int ValueStride(int head_dim) { return (head_dim + 15) / 16 * 16; }
  static constexpr size_t HeadBytes(int head_dim, DType dtype) {
    return static_cast<size_t>(head_dim + ValueStride(head_dim)) * kKvBlock * SizeOf(dtype);
  }

  std::byte* keys(int64_t page, int head) const {
    return pages + static_cast<size_t>(page) * page_bytes +
           static_cast<size_t>(head) * HeadBytes(head_dim, dtype);
  }
  std::byte* values(int64_t page, int head) const {
    return keys(page, head) + static_cast<size_t>(head_dim) * kKvBlock * SizeOf(dtype);
  }
};

// Consecutive tokens of one sequence within a batch.
struct SequenceSpan {
  int64_t first_row = 0;  // of the batch's matrices
  int64_t num_rows = 0;
  int64_t start_pos = 0;           // position of the first token
  std::span<const int32_t> pages;  // page of positions [i * kKvBlock, (i + 1) * kKvBlock)
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_ATTENTION_H_
