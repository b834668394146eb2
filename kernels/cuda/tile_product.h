// The product of a tile of rows with tiles of weights, by tensor cores; for matmul.cu and
// grouped_swiglu.cu.

#ifndef OCTET_KERNELS_CUDA_TILE_PRODUCT_H_
#define OCTET_KERNELS_CUDA_TILE_PRODUCT_H_

#include <cstdint>

#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"

namespace octet::cuda {

// A block computes kTile x kTile outputs, and each of its four warps a quarter of them.
inline constexpr int kTile = 64;
inline constexpr int kWarpTile = 32;
inline constexpr int kTileThreads = 128;

// Elements of k: in a stage, in an instruction, and in what a thread copies at a time.
inline constexpr int kStageK = 32;
inline constexpr int kMmaK = 16;
inline constexpr int kChunk = 8;
inline constexpr int kChunks = kStageK / kChunk;  // of a row of a stage
inline constexpr int kStages = 3;

// How many tiles `count` rows or columns take.
constexpr int64_t NumTiles(int64_t count) { return (count + kTile - 1) / kTile; }

// Outputs of one instruction.
inline constexpr int kMmaM = 16;
inline constexpr int kMmaN = 8;

// kTile rows of kStageK elements. Chunks are swizzled, so that the eight rows that ldmatrix reads
// at a time lie in different banks.
struct StageTile {
  uint4 chunks[kTile * kChunks];

  OCTET_DEVICE uint4* At(int row, int chunk) {
    return &chunks[row * kChunks + (chunk ^ (row / 2 % kChunks))];
  }
};

// Rows [first, end) of a matrix of BF16 or, with `rows`, those that it names.
struct RowSource {
  const BF16* data;
  int64_t stride;
  int64_t first;
  int64_t end;
  const int32_t* rows = nullptr;

  OCTET_DEVICE const BF16* Row(int64_t i) const {
    return data + (rows == nullptr ? i : int64_t{rows[i]}) * stride;
  }
};

// Begins to copy `k` elements at most of kTile rows, from element `first_k` on; zeros beyond both.
OCTET_DEVICE void BeginStage(const RowSource& from, int64_t first_k, int64_t k, StageTile& to) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kChunks; i += kTileThreads) {
    const int64_t row = from.first + i / kChunks;
    const int64_t at = first_k + i % kChunks * kChunk;
    const bool is_there = row < from.end && at < k;
    ptx::CpAsync16(to.At(i / kChunks, i % kChunks), is_there ? from.Row(row) + at : from.data,
                   is_there);
  }
}

// Where a lane has an output: the instruction, and the element of its accumulator.
struct SumPlace {
  int m;
  int n;
  int i;
};

// The outputs of a warp: accumulators of instructions.
struct WarpSums {
  float sums[kWarpTile / kMmaM][kWarpTile / kMmaN][4] = {};

  OCTET_DEVICE void AddStage(StageTile& x, int first_row, StageTile& w, int first_col) {
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
    for (int chunk = 0; chunk < kChunks; chunk += kMmaK / kChunk) {
      uint32_t a[kWarpTile / kMmaM][4];
#pragma unroll
      for (int m = 0; m < kWarpTile / kMmaM; ++m) {
        ptx::LoadMatrices(a[m], x.At(first_row + m * kMmaM + lane % 16, chunk + lane / 16));
      }
#pragma unroll
      for (int n = 0; n < kWarpTile / kMmaN; n += 2) {
        uint32_t b[4];  // of two instructions
        const int col = first_col + n * kMmaN + lane / 16 * kMmaN + lane % 8;
        ptx::LoadMatrices(b, w.At(col, chunk + lane / 8 % 2));
        const uint32_t halves[2][2] = {{b[0], b[1]}, {b[2], b[3]}};
#pragma unroll
        for (int m = 0; m < kWarpTile / kMmaM; ++m) {
          ptx::MmaBf16(sums[m][n], a[m], halves[0]);
          ptx::MmaBf16(sums[m][n + 1], a[m], halves[1]);
        }
      }
    }
  }

  OCTET_DEVICE float operator[](const SumPlace& at) const { return sums[at.m][at.n][at.i]; }
};

// What a block keeps in shared memory to multiply one tile of rows with kWeights of weights.
template <int kWeights>
struct TileStages {
  StageTile x[kStages];
  StageTile w[kWeights][kStages];
};

// The first row and column of this thread's warp in the tile.
OCTET_DEVICE int WarpRow() { return static_cast<int>(threadIdx.x) / kLanes / 2 * kWarpTile; }
OCTET_DEVICE int WarpCol() { return static_cast<int>(threadIdx.x) / kLanes % 2 * kWarpTile; }

// Calls use(row, col, place) for each output of this lane that is within both: row of `rows`, col a
// row of `cols`.
template <class Use>
OCTET_DEVICE void VisitOutputs(const RowSource& rows, const RowSource& cols, Use use) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
  for (int m = 0; m < kWarpTile / kMmaM; ++m) {
#pragma unroll
    for (int n = 0; n < kWarpTile / kMmaN; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int64_t row = rows.first + WarpRow() + m * kMmaM + lane / 4 + i / 2 * 8;
        const int64_t col = cols.first + WarpCol() + n * kMmaN + lane % 4 * 2 + i % 2;
        if (row < rows.end && col < cols.end) use(row, col, SumPlace{m, n, i});
      }
    }
  }
}

// y = sums, where they are within both.
OCTET_DEVICE void StoreSums(const WarpSums& sums, const RowSource& rows, const RowSource& cols,
                            float* y, int64_t y_stride) {
  VisitOutputs(rows, cols, [&](int64_t row, int64_t col, const SumPlace& at) {
    y[row * y_stride + col] = sums[at];
  });
}

// sums[i] += x w[i]^T over k elements, in ascending order. By all kTileThreads threads of a block.
template <int kWeights>
OCTET_DEVICE void MultiplyTile(const RowSource& x, const RowSource (&w)[kWeights], int64_t k,
                               TileStages<kWeights>& stages, WarpSums (&sums)[kWeights]) {
  const int num_stages = static_cast<int>((k + kStageK - 1) / kStageK);
  const auto begin_stage = [&](int stage) {
    if (stage < num_stages) {
      const int64_t first_k = int64_t{stage} * kStageK;
      BeginStage(x, first_k, k, stages.x[stage % kStages]);
      for (int i = 0; i < kWeights; ++i) {
        BeginStage(w[i], first_k, k, stages.w[i][stage % kStages]);
      }
    }
    ptx::CpAsyncCommit();  // always, since groups are counted
  };
  for (int stage = 0; stage + 1 < kStages; ++stage) begin_stage(stage);
  for (int stage = 0; stage < num_stages; ++stage) {
    ptx::CpAsyncWait<kStages - 2>();
    __syncthreads();  // this stage is there, and all have read the one before it
    begin_stage(stage + kStages - 1);
#pragma unroll
    for (int i = 0; i < kWeights; ++i) {
      sums[i].AddStage(stages.x[stage % kStages], WarpRow(), stages.w[i][stage % kStages],
                       WarpCol());
    }
  }
}

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_TILE_PRODUCT_H_
