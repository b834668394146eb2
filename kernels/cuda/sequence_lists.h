// The sequences of a batch on a CUDA device.

#ifndef OCTET_KERNELS_CUDA_SEQUENCE_LISTS_H_
#define OCTET_KERNELS_CUDA_SEQUENCE_LISTS_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/attention.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/upload_ring.h"

namespace octet::cuda {

// The lists that attention reads of a batch. All layers of a step have the same ones, which are
// uploaded once. Lists of as many tokens lie at the same places while num_moves() is the same.
class SequenceLists {
 public:
  // Brings lists of these sequences to the device, unless the last ones were the same. Tokens of a
  // span without pages are at position -1, and in no tile. tile_tokens: the most tokens of a query
  // tile; a shorter longest span makes it less. context_room: max_context() is at least this.
  void Set(std::span<const SequenceSpan> spans, int64_t tile_tokens, const Stream& stream,
           UploadRing& ring, int64_t context_room = 0);

  // How often the lists got other memory.
  int64_t num_moves() const { return num_moves_; }

  int64_t most_tile_tokens() const { return batch_.tile_tokens; }
  int64_t tile_tokens() const { return tile_tokens_; }
  const DeviceToken* tokens() const { return tokens_; }  // [tokens]
  const QueryTile* tiles() const { return tiles_; }      // [num_tiles]
  int64_t num_tiles() const { return num_tiles_; }
  // No position is as large.
  int64_t max_context() const { return std::max(max_context_, context_room_); }

 private:
  // What tells batches apart. A span's pages are [first_page, first_page + num_pages) of pages.
  struct Span {
    int64_t first_row, num_rows, start_pos;
    int64_t first_page, num_pages;

    bool operator==(const Span&) const = default;
  };
  struct Batch {
    std::vector<Span> spans;
    std::vector<int32_t> pages;
    int64_t tile_tokens = 1;

    bool operator==(const Batch&) const = default;
  };

  static Batch Describe(std::span<const SequenceSpan> spans, int64_t tile_tokens);
  void Upload(const Stream& stream, UploadRing& ring);

  Batch batch_;
  Buffer memory_;  // tokens, then tiles, then pages
  int64_t num_moves_ = 0;
  const DeviceToken* tokens_ = nullptr;
  const QueryTile* tiles_ = nullptr;
  int64_t tile_tokens_ = 1;
  int64_t num_tiles_ = 0;
  int64_t max_context_ = 0;
  int64_t context_room_ = 0;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_SEQUENCE_LISTS_H_
