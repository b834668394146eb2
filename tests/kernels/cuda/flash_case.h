// Attention by tensor cores on the emulated device, for tests.

#ifndef OCTET_TESTS_KERNELS_CUDA_FLASH_CASE_H_
#define OCTET_TESTS_KERNELS_CUDA_FLASH_CASE_H_

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/cuda/flash_attention.h"
#include "tests/kernels/cuda/paged_cache.h"

namespace octet::cuda {

// Tokens of a sequence of the cache.
struct Part {
  size_t sequence;
  int64_t start_pos;
  int64_t num_rows;
};

struct Way {
  int64_t tile_tokens;
  bool side_by_side;  // splits
  int64_t window = 0;
  int64_t max_context = 1024;
  int64_t wrong_row = -1;  // whose query begins with a NaN in each head
  int64_t tiles_at_a_time = 1000;
};

// Each token has its own query, which follows from its sequence and position.
inline std::vector<float> QueryOf(const HeadShape& shape, size_t sequence, int64_t position) {
  return cuda_emu::NormalNumbers(shape.cols(), static_cast<uint32_t>(1000 * sequence + position));
}

inline std::vector<float> QueriesOf(const HeadShape& shape, const std::vector<Part>& parts) {
  std::vector<float> q;
  for (const Part& part : parts) {
    for (int64_t r = 0; r < part.num_rows; ++r) {
      const std::vector<float> query = QueryOf(shape, part.sequence, part.start_pos + r);
      q.insert(q.end(), query.begin(), query.end());
    }
  }
  return q;
}

// Rows of y, one for each token. The last tile is without rows.
inline cuda_emu::Compute Flash(const PagedCache& cache, const std::vector<Part>& parts,
                               const Way& way) {
  return [=, &cache](const cuda_emu::TestStream& stream) {
    const PagedCache::Stored stored(cache, stream);
    std::vector<SequenceSpan> spans;
    int64_t rows = 0;
    for (const Part& part : parts) {
      spans.push_back({rows, part.num_rows, part.start_pos,
                       std::span(cache.PagesOf(stored, part.sequence), size_t{1})});
      rows += part.num_rows;
    }
    std::vector<QueryTile> tiles = DivideIntoQueryTiles(spans, way.tile_tokens);
    tiles.push_back({});
    const int64_t cols = cache.shape().cols();
    const cuda_emu::DeviceArray<QueryTile> tile_array(tiles, stream);
    std::vector<float> queries = QueriesOf(cache.shape(), parts);
    for (int64_t c = 0; way.wrong_row >= 0 && c < cols; c += cache.shape().head_dim) {
      queries[way.wrong_row * cols + c] = std::numeric_limits<float>::quiet_NaN();
    }
    const cuda_emu::DeviceArray<float> q(queries, stream), y(rows * cols);
    FlashAttention attention = {.q = cuda_emu::ViewOf(q, rows, cols, cols),
                                .tiles = tile_array.data(),
                                .num_tiles = std::ssize(tiles),
                                .tile_tokens = way.tile_tokens,
                                .kv = stored.kv,
                                .window = way.window,
                                .max_context = way.max_context,
                                .partials = nullptr,
                                .tiles_at_a_time = way.tiles_at_a_time,
                                .y = cuda_emu::ViewOf(y, rows, cols, cols)};
    const int64_t at_a_time = std::min(way.tiles_at_a_time, attention.num_tiles);
    const cuda_emu::DeviceArray<float> partials(
        way.side_by_side ? attention.PartialFloats(at_a_time) : 2);
    if (way.side_by_side) attention.partials = partials.data();
    EXPECT_EQ(attention.Compute(stream), cudaSuccess);
    return y.Read(stream);
  };
}

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_FLASH_CASE_H_
