// The product of a tile of rows with a tile of weights, by tensor cores.

#ifndef OCTET_KERNELS_CUDA_TENSOR_CORE_TILE_H_
#define OCTET_KERNELS_CUDA_TENSOR_CORE_TILE_H_

#include <cstdint>

#include "kernels/cuda/device.h"
#include "kernels/cuda/ptx.h"
#include "kernels/cuda/row_source.h"

namespace octet::cuda {

// One instruction multiplies kMmaM rows with kMmaN columns over kMmaK elements.
inline constexpr int kMmaM = 16;
inline constexpr int kMmaN = 8;
inline constexpr int kMmaK = 16;

// Elements that a thread copies at a time.
inline constexpr int kChunk = 8;

// kRows rows of kStageK elements. Chunks are swizzled, so that the eight rows that ldmatrix reads
// at a time lie in different banks.
template <int kRows, int kStageK>
struct StageRows {
  static constexpr int kChunks = kStageK / kChunk;
  static constexpr int kBankRows = 8;
  static_assert(kChunks % kBankRows == 0);

  uint4 chunks[kRows * kChunks];

  OCTET_DEVICE uint4* At(int row, int chunk) {
    return &chunks[row * kChunks + (chunk ^ (row % kBankRows))];
  }
};

// What a thread of kThreads copies of kRows rows, a stage at a time.
template <int kRows, int kStageK, int kThreads>
class RowCopies {
 public:
  OCTET_DEVICE explicit RowCopies(const RowSource<BF16>& from)
      : data_(reinterpret_cast<const uint4*>(from.data)),
        num_there_(from.end - from.first < kRows ? static_cast<int>(from.end - from.first)
                                                 : kRows) {
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int64_t row = from.first + (Row(i) < num_there_ ? Row(i) : 0);
      chunks_[i] = static_cast<uint32_t>(from.Offset(row) / kChunk + Chunk());
    }
  }

  // Begins to copy elements from first_k on; zeros for rows that are not there, and from k on.
  OCTET_DEVICE void Begin(int first_k, int k, StageRows<kRows, kStageK>& to) const {
    const bool is_in_k = first_k + Chunk() * kChunk < k;
    const uint4* const from = data_ + first_k / kChunk;
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      ptx::CpAsync16(to.At(Row(i), Chunk()), from + chunks_[i], Row(i) < num_there_ && is_in_k);
    }
  }

 private:
  static constexpr int kChunks = kStageK / kChunk;
  static constexpr int kCopies = kRows * kChunks / kThreads;
  static_assert(kThreads % kChunks == 0 && kRows % (kThreads / kChunks) == 0);

  static OCTET_DEVICE int Chunk() { return static_cast<int>(threadIdx.x) % kChunks; }
  static OCTET_DEVICE int Row(int copy) {
    return static_cast<int>(threadIdx.x) / kChunks + copy * (kThreads / kChunks);
  }

  const uint4* data_;
  uint32_t chunks_[kCopies];  // from data_ on: half the registers of pointers
  int num_there_;
};

// A block computes kBlockRows x kBlockCols outputs, and each of its warps kWarpRows x kWarpCols.
// The order in which an output's products are added is the same for all of these numbers: kMmaK at
// a time, in ascending order of k. What a stage has beyond k are zeros, which change no sum.
template <int kBlockRows, int kBlockCols, int kWarpRows, int kWarpCols, int kStageK, int kStages,
          int kTheirBlocks = 1>
class TensorCoreTile {
 public:
  using Element = BF16;
  static constexpr int kRows = kBlockRows;
  static constexpr int kCols = kBlockCols;
  static constexpr int kBlocks = kTheirBlocks;  // for which a multiprocessor has registers
  static constexpr int kThreads = kRows / kWarpRows * (kCols / kWarpCols) * kLanes;
  static_assert(kCols % (2 * kPairDistance) == 0);

  struct Shared {
    StageRows<kRows, kStageK> x[kStages];
    StageRows<kCols, kStageK> w[kStages];
  };

  // Computes x w^T over k elements. By all threads of a block.
  OCTET_DEVICE void Multiply(const RowSource<BF16>& x, const RowSource<BF16>& w, int k,
                             Shared& shared) {
    const RowCopies<kRows, kStageK, kThreads> x_copies(x);
    const RowCopies<kCols, kStageK, kThreads> w_copies(w);
    const int num_stages = (k + kStageK - 1) / kStageK;
    const auto begin_stage = [&](int stage) {
      if (stage < num_stages) {
        x_copies.Begin(stage * kStageK, k, shared.x[stage % kStages]);
        w_copies.Begin(stage * kStageK, k, shared.w[stage % kStages]);
      }
      ptx::CpAsyncCommit();  // always, since groups are counted
    };
    for (int stage = 0; stage + 1 < kStages; ++stage) begin_stage(stage);
    for (int stage = 0; stage < num_stages; ++stage) {
      ptx::CpAsyncWait<kStages - 2>();
      __syncthreads();  // this stage is there, and all have read the one before it
      begin_stage(stage + kStages - 1);
      AddStage(shared.x[stage % kStages], shared.w[stage % kStages]);
    }
  }

  // Calls use(row, col, first, second) for the outputs of this thread whose row is one of x: at col
  // and at col + kPairDistance.
  template <class Use>
  OCTET_DEVICE void ForEachPair(const RowSource<BF16>& x, const RowSource<BF16>& w, Use use) const {
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
    for (int m = 0; m < kMmaRows; ++m) {
#pragma unroll
      for (int pair = 0; pair < kPairs; ++pair) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int64_t row = x.first + WarpRow() + m * kMmaM + lane / 4 + i / 2 * 8;
          const int64_t col = w.first + ColOf(pair) + lane % 4 * 2 + i % 2;
          if (row < x.end) use(row, col, sums_[m][pair][0][i], sums_[m][pair][1][i]);
        }
      }
    }
  }

 private:
  static constexpr int kMmaRows = kWarpRows / kMmaM;
  static constexpr int kPairs = kWarpCols / (2 * kMmaN);

  static OCTET_DEVICE int Warp() { return static_cast<int>(threadIdx.x) / kLanes; }
  static OCTET_DEVICE int WarpRow() { return Warp() / (kCols / kWarpCols) * kWarpRows; }

  // The first column in the tile of one of the warp's pairs of instructions.
  static OCTET_DEVICE int ColOf(int pair) {
    constexpr int kPairsInARow = kPairDistance / kMmaN;
    const int i = Warp() % (kCols / kWarpCols) * kPairs + pair;
    return i / kPairsInARow * 2 * kPairDistance + i % kPairsInARow * kMmaN;
  }

  OCTET_DEVICE void AddStage(StageRows<kRows, kStageK>& x, StageRows<kCols, kStageK>& w) {
    const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
    for (int chunk = 0; chunk < kStageK / kChunk; chunk += kMmaK / kChunk) {
      uint32_t b[kPairs][4];
#pragma unroll
      for (int pair = 0; pair < kPairs; ++pair) {
        const int col = ColOf(pair) + lane / 16 * kPairDistance + lane % 8;
        ptx::LoadMatrices(b[pair], w.At(col, chunk + lane / 8 % 2));
      }
#pragma unroll
      for (int m = 0; m < kMmaRows; ++m) {
        uint32_t a[4];
        ptx::LoadMatrices(a, x.At(WarpRow() + m * kMmaM + lane % 16, chunk + lane / 16));
#pragma unroll
        for (int pair = 0; pair < kPairs; ++pair) {
          ptx::MmaBf16(sums_[m][pair][0], a, {b[pair][0], b[pair][1]});
          ptx::MmaBf16(sums_[m][pair][1], a, {b[pair][2], b[pair][3]});
        }
      }
    }
  }

  float sums_[kMmaRows][kPairs][2][4] = {};  // the accumulators of the instructions
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_TENSOR_CORE_TILE_H_
