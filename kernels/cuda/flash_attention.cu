#include "kernels/cuda/flash_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/cuda/flash_tile.h"
#include "kernels/cuda/launch.h"

namespace octet::cuda {
namespace {

constexpr int kMostWarps = 4;
static_assert(kMostTileRows == kMostWarps * kWarpRows);

struct Arguments {
  const float* q;
  int64_t q_stride;
  const QueryTile* tiles;
  const std::byte* pages;
  size_t page_bytes;
  size_t head_bytes;
  int heads_of_kv;
  int window;
  float scale;  // to powers of two: log2(e) / sqrt(head_dim)
  float* y;
  int64_t y_stride;
  float* partials;  // [tile][kv head][split][row of the tile][head_dim + kSplitNumbers]
  int num_splits;   // of partials; 1 without
  int rows_of_tile;

  // What tokens [first, first + count) of a tile see.
  OCTET_DEVICE Positions VisibleTo(const QueryTile& tile, int first, int count) const {
    const int position = tile.start_pos + first;
    return {window > 0 ? max(0, position - window + 1) : 0, position + count};
  }
  OCTET_DEVICE int64_t Column(int row, int head_dim) const {
    return (int64_t{blockIdx.y} * heads_of_kv + row % heads_of_kv) * head_dim;
  }
  OCTET_DEVICE const float* Query(const QueryTile& tile, int row, int head_dim) const {
    return q + (tile.first_row + row / heads_of_kv) * q_stride + Column(row, head_dim);
  }
  OCTET_DEVICE float* Result(const QueryTile& tile, int row, int head_dim) const {
    return y + (tile.first_row + row / heads_of_kv) * y_stride + Column(row, head_dim);
  }
  OCTET_DEVICE float* Partial(int64_t tile, int split, int row, int head_dim) const {
    const int64_t at = (tile * gridDim.y + blockIdx.y) * num_splits + split;
    return partials + (at * rows_of_tile + row) * (head_dim + kSplitNumbers);
  }
};

// All heads of a tile's tokens that share a key-value head are rows of one product.
template <int kHeadDim, int kWarps>
struct BlockMemory {
  // How many blocks a multiprocessor is to have registers for.
  static constexpr int kBlocks = kWarps == 1 ? 1 : kHeadDim == 64 ? 3 : 2;

  uint4 high[kWarps * kWarpRows * kHeadDim / 8];  // of the queries
  uint4 low[kWarps * kWarpRows * kHeadDim / 8];
  uint4 stages[kKvStages][kStageChunks];
};

// Rows that the tile does not have are zeros.
template <int kHeadDim, int kWarps>
OCTET_DEVICE void LoadQueries(const Arguments& in, const QueryTile& tile,
                              BlockMemory<kHeadDim, kWarps>& to) {
  constexpr int kPairs = kHeadDim / 2;
  const int num_rows = tile.num_rows * in.heads_of_kv;
  for (int i = static_cast<int>(threadIdx.x); i < kWarps * kWarpRows * kPairs;
       i += kWarps * kLanes) {
    const int row = i / kPairs;
    const int pair = i % kPairs;
    float a = 0;
    float b = 0;
    if (row < num_rows) {
      const float* const from = in.Query(tile, row, kHeadDim) + 2 * pair;
      a = from[0];
      b = from[1];
    }
    const TwoParts parts = DivideIntoParts(a, b);
    const auto at = [&](uint4* rows) {
      return reinterpret_cast<uint32_t*>(ChunkAt<kHeadDim / 8>(rows, row, pair / 4)) + pair % 4;
    };
    *at(to.high) = parts.high;
    *at(to.low) = parts.low;
  }
}

// The sums of this warp's rows over the positions of `kv`, which must not begin with those before
// others have read them.
template <int kHeadDim, int kWarps>
OCTET_DEVICE SplitSums<kHeadDim> Attend(const Arguments& in, const QueryTile& tile,
                                        KvStream<kHeadDim, kWarps * kLanes>& kv,
                                        BlockMemory<kHeadDim, kWarps>& memory) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int first_row = static_cast<int>(threadIdx.x) / kLanes * kWarpRows;
  const int num_rows = tile.num_rows * in.heads_of_kv;
  const bool has_rows = first_row < num_rows;
  uint4* const high = memory.high + first_row * kHeadDim / 8;
  uint4* const low = memory.low + first_row * kHeadDim / 8;
  SplitSums<kHeadDim> sums;
  kv.Begin();
  for (int fold = 0; fold < kv.num_folds; ++fold) {
    const int num_pages = kv.NumPages(fold);
    FoldScores scores = {};
    for (int dim = 0; dim < kHeadDim; dim += kStageRows) {
      uint4* const keys = kv.Next();
      if (has_rows) scores.Add<kHeadDim>(high, low, dim, keys, num_pages);
    }
    Positions visible[2];
    for (int r = 0; r < 2; ++r) {
      const int row = first_row + lane / 4 + 8 * r;
      const int first_position = kv.FoldBegin(fold) + lane % 4 * 2;
      visible[r] = in.VisibleTo(tile, row / in.heads_of_kv, 1);
      visible[r].first -= first_position;
      visible[r].end = row < num_rows ? visible[r].end - first_position : visible[r].first;
    }
    if (has_rows) sums.AddWeights(visible, in.scale, scores);
#pragma unroll
    for (int page = 0; page < kFoldPages; ++page) {
      uint4* const values = kv.Next();
      if (has_rows && page < num_pages) sums.AddValues(scores, page, values);
    }
  }
  return sums;
}

// Calls use(row, r, column, sums) for each pair of columns of each row that this lane has of tokens
// [first, first + count): row of the tile, r in `sums`.
template <int kHeadDim, class Use>
OCTET_DEVICE void VisitPairs(int heads_of_kv, int first, int count, Use use) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = static_cast<int>(threadIdx.x) / kLanes * kWarpRows + lane / 4 + 8 * r;
    if (row < first * heads_of_kv || row >= (first + count) * heads_of_kv) continue;
#pragma unroll
    for (int n = 0; n < kHeadDim / 8; ++n) use(row, r, n, n * 8 + lane % 4 * 2);
  }
}

// What follows from all splits. -0 becomes 0, since a fold in which all is masked may do so too.
OCTET_DEVICE float Finished(float value, float sum) {
  return __fadd_rn(__fdiv_rn(value, sum), 0.0F);
}

// The splits before this one, of a lane's two rows. Their values are kept in y.
struct Total {
  float largest[2] = {-INFINITY, -INFINITY};
  float sum[2] = {};

  template <int kHeadDim>
  OCTET_DEVICE void Add(const Arguments& in, const QueryTile& tile, int first, int count,
                        bool is_first, bool is_last, const SplitSums<kHeadDim>& split) {
    MergeFactors factors[2];
    for (int r = 0; r < 2; ++r) factors[r] = FactorsOf(largest[r], split.largest[r]);
    float merged[2];
    for (int r = 0; r < 2; ++r) merged[r] = Merged(sum[r], split.sum[r], factors[r]);
    VisitPairs<kHeadDim>(in.heads_of_kv, first, count, [&](int row, int r, int n, int column) {
      auto* const at = reinterpret_cast<float2*>(in.Result(tile, row, kHeadDim) + column);
      float2 value = is_first ? float2{0, 0} : *at;
      value.x = Merged(value.x, split.values[n][2 * r], factors[r]);
      value.y = Merged(value.y, split.values[n][2 * r + 1], factors[r]);
      *at = is_last ? float2{Finished(value.x, merged[r]), Finished(value.y, merged[r])} : value;
      largest[r] = factors[r].largest;
      sum[r] = merged[r];
    });
  }
};

template <int kHeadDim>
OCTET_DEVICE void StorePartials(const Arguments& in, int first, int count, int split,
                                const SplitSums<kHeadDim>& sums) {
  const int64_t tile = blockIdx.x / in.num_splits;
  VisitPairs<kHeadDim>(in.heads_of_kv, first, count, [&](int row, int r, int n, int column) {
    float* const to = in.Partial(tile, split, row, kHeadDim);
    *reinterpret_cast<float2*>(to + column) = {sums.values[n][2 * r], sums.values[n][2 * r + 1]};
    if (column == 0) *reinterpret_cast<float2*>(to + kHeadDim) = {sums.largest[r], sums.sum[r]};
  });
}

// A block for each tile and key-value head, or for each split of them.
template <int kHeadDim, int kWarps>
__global__ void __launch_bounds__(kWarps* kLanes, BlockMemory<kHeadDim, kWarps>::kBlocks)
    FlashKernel(Arguments in) {
  using Memory = BlockMemory<kHeadDim, kWarps>;
  OCTET_DYNAMIC_SHARED(Memory, memory);
  const QueryTile tile = in.tiles[blockIdx.x / in.num_splits];
  if (tile.num_rows == 0) return;
  const Positions all = in.VisibleTo(tile, 0, tile.num_rows);
  const bool is_in_place = in.partials == nullptr;
  int first_split = all.first / kAttentionSplit;
  int last_split = (all.end - 1) / kAttentionSplit;
  if (!is_in_place) {
    const int split = static_cast<int>(blockIdx.x) % in.num_splits;
    if (split < first_split || split > last_split) return;
    first_split = last_split = split;
  }
  LoadQueries(in, tile, *memory);
  Total total;
  for (int split = first_split; split <= last_split; ++split) {
    for (int first = 0, count = tile.num_rows; first < tile.num_rows;) {
      const Positions visible = in.VisibleTo(tile, first, count);
      KvStream<kHeadDim, kWarps* kLanes> kv = {
          .head = in.pages + blockIdx.y * in.head_bytes,
          .page_bytes = in.page_bytes,
          .pages = tile.pages,
          .visible = {max(visible.first, split * kAttentionSplit),
                      min(visible.end, (split + 1) * kAttentionSplit)},
          .stages = memory->stages};
      const SplitSums<kHeadDim> sums = Attend(in, tile, kv, *memory);
      // A value that one token does not see may have made its result NaN: then each is computed
      // alone, as it would be in its own tile.
      if (__syncthreads_count(sums.IsFinite() ? 0 : 1) > 0 && count > 1) {
        count = 1;
        continue;
      }
      if (is_in_place) {
        total.Add(in, tile, first, count, split == first_split, split == last_split, sums);
      } else {
        StorePartials(in, first, count, split, sums);
      }
      first += count;
    }
  }
}

// A block for each row of each tile, and each key-value head; a thread for each dimension.
__global__ void MergeKernel(Arguments in) {
  const int head_dim = static_cast<int>(blockDim.x);
  const int d = static_cast<int>(threadIdx.x);
  const int64_t tile_index = blockIdx.x / in.rows_of_tile;
  const int row = static_cast<int>(blockIdx.x) % in.rows_of_tile;
  const QueryTile tile = in.tiles[tile_index];
  if (row >= tile.num_rows * in.heads_of_kv) return;
  const Positions visible = in.VisibleTo(tile, row / in.heads_of_kv, 1);
  const int last = (visible.end - 1) / kAttentionSplit;
  float largest = -INFINITY;
  float sum = last < in.num_splits ? 0 : NAN;  // beyond max_context
  float value = 0;
#pragma unroll 4
  for (int split = visible.first / kAttentionSplit; split <= min(last, in.num_splits - 1);
       ++split) {
    const float* const from = in.Partial(tile_index, split, row, head_dim);
    const MergeFactors factors = FactorsOf(largest, from[head_dim]);
    largest = factors.largest;
    sum = Merged(sum, from[head_dim + 1], factors);
    value = Merged(value, from[d], factors);
  }
  in.Result(tile, row, head_dim)[d] = Finished(value, sum);
}

template <int kHeadDim, int kWarps>
cudaError_t LaunchTiles(const Arguments& in, int64_t num_tiles, int num_kv_heads,
                        cudaStream_t stream) {
  constexpr size_t kBytes = sizeof(BlockMemory<kHeadDim, kWarps>);
  const auto kernel = FlashKernel<kHeadDim, kWarps>;
  const cudaError_t error = cudaFuncSetAttribute(
      reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  if (error != cudaSuccess) return error;
  return Launch({.blocks_x = num_tiles * in.num_splits,
                 .blocks_y = num_kv_heads,
                 .threads = kWarps * kLanes,
                 .dynamic_shared_bytes = kBytes},
                stream, kernel, in);
}

template <int kHeadDim>
cudaError_t LaunchAll(const Arguments& in, int64_t num_tiles, int num_kv_heads,
                      cudaStream_t stream) {
  const auto launch =
      in.rows_of_tile <= kWarpRows ? LaunchTiles<kHeadDim, 1> : LaunchTiles<kHeadDim, kMostWarps>;
  const cudaError_t error = launch(in, num_tiles, num_kv_heads, stream);
  if (error != cudaSuccess || in.partials == nullptr) return error;
  return Launch(
      {.blocks_x = num_tiles * in.rows_of_tile, .blocks_y = num_kv_heads, .threads = kHeadDim},
      stream, MergeKernel, in);
}

int64_t HeadsOfKv(const FlashAttention& of) {
  return of.q.cols / of.kv.head_dim / of.kv.num_kv_heads;
}

int64_t NumSplits(const FlashAttention& of) {
  return (of.max_context + kAttentionSplit - 1) / kAttentionSplit;
}

}  // namespace

bool FlashTakes(const KvBlocks& kv, int64_t num_heads) {
  const int64_t heads_of_kv = num_heads / kv.num_kv_heads;
  return kv.dtype == DType::kBF16 && (kv.head_dim == 64 || kv.head_dim == 128) &&
         heads_of_kv >= 1 && heads_of_kv <= kMostTileRows && num_heads % kv.num_kv_heads == 0 &&
         kv.page_bytes % sizeof(uint4) == 0 &&
         reinterpret_cast<uintptr_t>(kv.pages) % sizeof(uint4) == 0;
}

int64_t MostTileTokens(int64_t heads_of_kv) { return kMostTileRows / heads_of_kv; }

bool FlashAttention::WantsPartials(int64_t num_blocks) const {
  return num_tiles * kv.num_kv_heads < num_blocks && NumSplits(*this) > 1;
}

int64_t FlashAttention::PartialFloats(int64_t count) const {
  return count * kv.num_kv_heads * NumSplits(*this) * tile_tokens * HeadsOfKv(*this) *
         (kv.head_dim + kSplitNumbers);
}

cudaError_t FlashAttention::Compute(cudaStream_t stream) const {
  if (!FlashTakes(kv, q.cols / kv.head_dim) || tile_tokens < 1 ||
      tile_tokens > MostTileTokens(HeadsOfKv(*this)) || y.stride % 2 != 0 ||
      reinterpret_cast<uintptr_t>(y.data) % sizeof(float2) != 0) {
    return cudaErrorInvalidValue;
  }
  Arguments in = {
      .q = reinterpret_cast<const float*>(q.data),
      .q_stride = q.stride,
      .tiles = tiles,
      .pages = kv.pages,
      .page_bytes = kv.page_bytes,
      .head_bytes = KvBlocks::HeadBytes(kv.head_dim, kv.dtype),
      .heads_of_kv = static_cast<int>(HeadsOfKv(*this)),
      .window = static_cast<int>(std::min<int64_t>(window, std::numeric_limits<int>::max())),
      .scale = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(kv.head_dim)),
      .y = reinterpret_cast<float*>(y.data),
      .y_stride = y.stride,
      .partials = partials,
      .num_splits = partials == nullptr ? 1 : static_cast<int>(NumSplits(*this)),
      .rows_of_tile = static_cast<int>(tile_tokens * HeadsOfKv(*this))};
  const auto launch = kv.head_dim == 64 ? LaunchAll<64> : LaunchAll<128>;
  const int64_t at_a_time = partials == nullptr ? num_tiles : tiles_at_a_time;
  cudaError_t error = cudaSuccess;
  for (int64_t first = 0; first < num_tiles && error == cudaSuccess; first += at_a_time) {
    in.tiles = tiles + first;
    error = launch(in, std::min(at_a_time, num_tiles - first), kv.num_kv_heads, stream);
  }
  return error;
}

}  // namespace octet::cuda
