// The attention of the rows of a warp to a split of positions, by tensor cores; for
// flash_attention.cu.

#ifndef OCTET_KERNELS_CUDA_FLASH_TILE_H_
#define OCTET_KERNELS_CUDA_FLASH_TILE_H_

#include <cuda_bf16.h>

#include <cstdint>

#include "kernels/base/attention.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"

namespace octet::cuda {

inline constexpr int kWarpRows = 16;                    // of queries: those of an instruction
inline constexpr int kScoreTiles = kAttentionFold / 8;  // instructions side by side in a fold
inline constexpr int kFoldPages = kAttentionFold / kKvBlock;
inline constexpr int kPageChunks = kKvBlock / 8;  // of 8 elements, in a row of keys

// A stage holds this many dimensions of the keys of a fold, or the values of as many positions.
inline constexpr int kStageRows = kKvBlock;
inline constexpr int kStageChunks = kStageRows * kScoreTiles;
inline constexpr int kKvStages = 4;

// Chunk `chunk` of a row of kChunks. They are swizzled: eight rows of one column lie in different
// banks, and so do halves of eight chunks in two rows.
template <int kChunks>
OCTET_DEVICE uint4* ChunkAt(uint4* tile, int row, int chunk) {
  static_assert(kChunks % 8 == 0);
  return &tile[row * kChunks + (chunk ^ (row % 2 * 4 + row / 2 % 4))];
}

// What a lane gives to ldmatrix: of rows [k, k + 16) the chunks n and n + 1. k is a multiple of 16,
// and n even, so that all but one exclusive or is known beforehand.
template <int kChunks>
struct LaneChunks {
  uint4* row;
  int chunk;

  OCTET_DEVICE explicit LaneChunks(uint4* tile) {
    const auto lane = static_cast<int>(ptx::NotBefore(threadIdx.x) % kLanes);
    row = tile + lane % 16 * kChunks;
    chunk = lane / 16 ^ (lane % 2 * 4 + lane / 2 % 4);
  }
  OCTET_DEVICE uint4* At(int k, int n) const { return row + k * kChunks + (n ^ chunk); }
};

// Two float32 as pairs of bfloat16: the nearest ones, and what is missing.
struct TwoParts {
  uint32_t high;
  uint32_t low;
};

OCTET_DEVICE uint32_t Bf16Pair(float a, float b) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(a, b);
  return static_cast<uint32_t>(__bfloat16_as_ushort(pair.x)) |
         static_cast<uint32_t>(__bfloat16_as_ushort(pair.y)) << 16;
}

OCTET_DEVICE TwoParts DivideIntoParts(float a, float b) {
  const uint32_t high = Bf16Pair(a, b);
  const float low_a = __fsub_rn(a, __uint_as_float(high << 16));
  const float low_b = __fsub_rn(b, __uint_as_float(high & 0xFFFF0000U));
  return {high, Bf16Pair(low_a, low_b)};
}

// Positions [first, end).
struct Positions {
  int first;
  int end;

  OCTET_DEVICE bool Contains(int position) const { return position >= first && position < end; }
};

// Keys and values of a head, as they come to shared memory: of each fold that has some of `visible`
// the keys, kStageRows dimensions at a time, then the values page by page. Pages beyond do not
// come; values that are not visible are zeros, since 0 times what is not finite is not 0.
template <int kHeadDim, int kThreads>
struct KvStream {
  static constexpr int kKeyStages = kHeadDim / kStageRows;
  static constexpr int kFoldStages = kKeyStages + kFoldPages;
  static constexpr int kValueChunks = kHeadDim / 8;

  const std::byte* head;  // of page 0
  size_t page_bytes;
  const int32_t* pages;
  Positions visible;
  uint4 (*stages)[kStageChunks];
  int num_folds = 0;
  unsigned stage = 0;  // the next one

  OCTET_DEVICE int FoldBegin(int fold) const {
    return (visible.first / kAttentionFold + fold) * kAttentionFold;
  }
  OCTET_DEVICE int NumPages(int fold) const {
    return min(kFoldPages, (visible.end - FoldBegin(fold) + kKvBlock - 1) / kKvBlock);
  }
  OCTET_DEVICE const BF16* Page(int position) const {
    return reinterpret_cast<const BF16*>(head + pages[position / kKvBlock] * page_bytes);
  }

  OCTET_DEVICE void BeginKeys(int fold, int first_dim, uint4* to) const {
    constexpr int kPerPage = kStageRows * kPageChunks;
    const int num_chunks = NumPages(fold) * kPerPage;
    const auto thread = static_cast<int>(ptx::NotBefore(threadIdx.x) % kThreads);
    for (int i = thread; i < num_chunks; i += kThreads) {
      const int page = i / kPerPage;
      const int row = i / kPageChunks % kStageRows;
      const int chunk = i % kPageChunks;
      const BF16* const from = Page(FoldBegin(fold) + page * kKvBlock);
      ptx::CpAsync16(ChunkAt<kScoreTiles>(to, row, page * kPageChunks + chunk),
                     from + (first_dim + row) * kKvBlock + chunk * 8, true);
    }
  }

  OCTET_DEVICE void BeginValues(int fold, int page, uint4* to) const {
    if (page >= NumPages(fold)) return;
    const int begin = FoldBegin(fold) + page * kKvBlock;
    const BF16* const from = Page(begin) + kHeadDim * kKvBlock;
    const auto thread = static_cast<int>(ptx::NotBefore(threadIdx.x) % kThreads);
    for (int i = thread; i < kStageRows * kValueChunks; i += kThreads) {
      ptx::CpAsync16(ChunkAt<kValueChunks>(to, i / kValueChunks, i % kValueChunks), from + i * 8,
                     visible.Contains(begin + i / kValueChunks));
    }
  }

  OCTET_DEVICE void BeginStage(unsigned number) const {
    const auto fold = static_cast<int>(number / kFoldStages);
    const auto part = static_cast<int>(number % kFoldStages);
    uint4* const to = stages[number % kKvStages];
    if (fold < num_folds && part < kKeyStages) BeginKeys(fold, part * kStageRows, to);
    if (fold < num_folds && part >= kKeyStages) BeginValues(fold, part - kKeyStages, to);
    ptx::CpAsyncCommit();  // always, since groups are counted
  }

  OCTET_DEVICE void Begin() {
    num_folds = visible.first >= visible.end
                    ? 0
                    : (visible.end - FoldBegin(0) + kAttentionFold - 1) / kAttentionFold;
    for (unsigned i = 0; i + 1 < kKvStages; ++i) BeginStage(i);
  }

  // The next stage. By all threads of the block.
  OCTET_DEVICE uint4* Next() {
    ptx::CpAsyncWait<kKvStages - 2>();
    __syncthreads();  // it is there, and all have read the one before it
    BeginStage(stage + kKvStages - 1);
    return stages[stage++ % kKvStages];
  }
};

// The scores of a warp's rows for a fold, then their weights: accumulators of instructions.
struct FoldScores {
  float tiles[kScoreTiles][4];

  // Adds the products of kStageRows dimensions. high, low: the rows of queries, in two parts.
  template <int kHeadDim>
  OCTET_DEVICE void Add(uint4* high, uint4* low, int first_dim, uint4* keys, int num_pages) {
    const LaneChunks<kHeadDim / 8> from_high(high);
    const LaneChunks<kHeadDim / 8> from_low(low);
    const LaneChunks<kScoreTiles> from(keys);
#pragma unroll
    for (int k = 0; k < kStageRows; k += 16) {
      uint32_t q_high[4];
      uint32_t q_low[4];
      ptx::LoadMatrices(q_high, from_high.At(0, (first_dim + k) / 8));
      ptx::LoadMatrices(q_low, from_low.At(0, (first_dim + k) / 8));
#pragma unroll
      for (int n = 0; n < kScoreTiles; n += 2) {
        if (n / kPageChunks >= num_pages) continue;
        uint32_t b[4];  // of two instructions
        ptx::LoadTransposedMatrices(b, from.At(k, n));
        const uint32_t halves[2][2] = {{b[0], b[1]}, {b[2], b[3]}};
        ptx::MmaBf16(tiles[n], q_low, halves[0]);
        ptx::MmaBf16(tiles[n + 1], q_low, halves[1]);
        ptx::MmaBf16(tiles[n], q_high, halves[0]);
        ptx::MmaBf16(tiles[n + 1], q_high, halves[1]);
      }
    }
  }
};

// The exponents of two of the numbers that are merged, and what results.
struct MergeFactors {
  float largest;
  float of_first;
  float of_second;
};

// For sums of 2^(score - largest). Where all is masked the largest is -infinity, and the other side
// is multiplied by 1.
OCTET_DEVICE float BaseOf(float largest) { return largest == -INFINITY ? 0.0F : largest; }
OCTET_DEVICE MergeFactors FactorsOf(float first, float second) {
  const float largest = fmaxf(first, second);
  const float base = BaseOf(largest);
  return {largest, exp2f(__fsub_rn(first, base)), exp2f(__fsub_rn(second, base))};
}
OCTET_DEVICE float Merged(float first, float second, const MergeFactors& factors) {
  return __fmaf_rn(first, factors.of_first, __fmul_rn(second, factors.of_second));
}

// The value of a lane's quad that a row is spread over.
template <class Fold>
OCTET_DEVICE float FoldQuad(float value, Fold fold) {
  value = fold(value, __shfl_xor_sync(kAllLanes, value, 1));
  return fold(value, __shfl_xor_sync(kAllLanes, value, 2));
}

// Attention to a part of the positions: sums of values whose weights are 2^(score - largest). A
// lane has parts of two rows, lane / 4 and 8 more: element i of an instruction is of row i / 2.
template <int kHeadDim>
struct SplitSums {
  float largest[2] = {-INFINITY, -INFINITY};
  float sum[2] = {};
  float values[kHeadDim / 8][4] = {};

  // Scores become weights. visible: of each row, less the position of the lane's first score.
  OCTET_DEVICE void AddWeights(const Positions (&visible)[2], float scale, FoldScores& scores) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float most = -INFINITY;
#pragma unroll
      for (int e = 0; e < 2 * kScoreTiles; ++e) {
        float& score = scores.tiles[e / 2][2 * r + e % 2];
        score = visible[r].Contains(e / 2 * 8 + e % 2) ? __fmul_rn(score, scale) : -INFINITY;
        most = fmaxf(most, score);
      }
      most = fmaxf(largest[r], FoldQuad(most, Maximum()));
      const float base = BaseOf(most);
      const float rescale = exp2f(__fsub_rn(largest[r], base));
      float weights = 0;
#pragma unroll
      for (int e = 0; e < 2 * kScoreTiles; ++e) {
        float& score = scores.tiles[e / 2][2 * r + e % 2];
        score = exp2f(__fsub_rn(score, base));
        weights = __fadd_rn(weights, score);
      }
      largest[r] = most;
      sum[r] = __fmaf_rn(sum[r], rescale, FoldQuad(weights, Sum()));
#pragma unroll
      for (int n = 0; n < kHeadDim / 8; ++n) {
        values[n][2 * r] = __fmul_rn(values[n][2 * r], rescale);
        values[n][2 * r + 1] = __fmul_rn(values[n][2 * r + 1], rescale);
      }
    }
  }

  // Adds the values of a page of the fold.
  OCTET_DEVICE void AddValues(const FoldScores& weights, int page, uint4* page_values) {
    const LaneChunks<kHeadDim / 8> from(page_values);
#pragma unroll
    for (int k = 0; k < kStageRows; k += 16) {
      uint32_t high[4];
      uint32_t low[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float(&tile)[4] = weights.tiles[page * kPageChunks + k / 8 + i / 2];
        const TwoParts parts = DivideIntoParts(tile[i % 2 * 2], tile[i % 2 * 2 + 1]);
        high[i] = parts.high;
        low[i] = parts.low;
      }
#pragma unroll
      for (int n = 0; n < kHeadDim / 8; n += 2) {
        uint32_t b[4];  // of two instructions
        ptx::LoadTransposedMatrices(b, from.At(k, n));
        const uint32_t halves[2][2] = {{b[0], b[1]}, {b[2], b[3]}};
        ptx::MmaBf16(values[n], low, halves[0]);
        ptx::MmaBf16(values[n + 1], low, halves[1]);
        ptx::MmaBf16(values[n], high, halves[0]);
        ptx::MmaBf16(values[n + 1], high, halves[1]);
      }
    }
  }

  OCTET_DEVICE bool IsFinite() const {
    float zeros = __fmul_rn(__fadd_rn(sum[0], sum[1]), 0.0F);
#pragma unroll
    for (int n = 0; n < kHeadDim / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) zeros = __fmaf_rn(values[n][i], 0.0F, zeros);
    }
    return zeros == 0;
  }
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_FLASH_TILE_H_
