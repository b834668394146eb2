// Tokens whose attention a block of a CUDA device computes together.

#ifndef OCTET_KERNELS_CUDA_QUERY_TILE_H_
#define OCTET_KERNELS_CUDA_QUERY_TILE_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/attention.h"

namespace octet::cuda {

// Consecutive tokens of one sequence. Without rows it does nothing.
struct QueryTile {
  int32_t first_row;  // of the batch's matrices
  int32_t num_rows;
  int32_t start_pos;     // position of the first token
  const int32_t* pages;  // page of positions [i * kKvBlock, (i + 1) * kKvBlock)
};

// Divides the tokens of each span into tiles of at most `tile_tokens`. The spans lie on the host;
// what their `pages` view lies on the device.
inline std::vector<QueryTile> DivideIntoQueryTiles(std::span<const SequenceSpan> spans,
                                                   int64_t tile_tokens) {
  std::vector<QueryTile> tiles;
  for (const SequenceSpan& span : spans) {
    for (int64_t first = 0; first < span.num_rows; first += tile_tokens) {
      tiles.push_back({static_cast<int32_t>(span.first_row + first),
                       static_cast<int32_t>(std::min(tile_tokens, span.num_rows - first)),
                       static_cast<int32_t>(span.start_pos + first), span.pages.data()});
    }
  }
  return tiles;
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_QUERY_TILE_H_
