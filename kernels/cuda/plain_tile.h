// The product of a tile of rows with a tile of weights, without tensor cores.

#ifndef OCTET_KERNELS_CUDA_PLAIN_TILE_H_
#define OCTET_KERNELS_CUDA_PLAIN_TILE_H_

#include <cstdint>

#include "kernels/cuda/device.h"
#include "kernels/cuda/row_source.h"

namespace octet::cuda {

// A block computes kRows x kCols outputs, and each of its threads 4 x 4 of them. Each is one chain
// of float32 FMAs, in ascending order of k. T: float or BF16. Any shape and alignment will do.
template <class T>
class PlainTile {
 public:
  using Element = T;
  static constexpr int kRows = 64;
  static constexpr int kCols = 64;
  static constexpr int kThreads = 256;
  static constexpr int kBlocks = 1;  // for which a multiprocessor has registers

  static constexpr int kStageK = 32;
  static constexpr int kPaddedTile = kRows + 1;  // the threads of a warp write to different banks

  struct Shared {
    float x[kStageK][kPaddedTile];
    float w[kStageK][kPaddedTile];
  };

  // Computes x w^T over k elements. By all threads of a block.
  OCTET_DEVICE void Multiply(const RowSource<T>& x, const RowSource<T>& w, int k, Shared& shared) {
    for (int first_k = 0; first_k < k; first_k += kStageK) {
      LoadStage(x, first_k, k, shared.x);
      LoadStage(w, first_k, k, shared.w);
      __syncthreads();  // the stage is there
#pragma unroll
      for (int i = 0; i < kStageK; ++i) AddProducts(shared.x[i], shared.w[i]);
      __syncthreads();  // all have read it
    }
  }

  // Calls use(row, col, first, second) for the outputs of this thread whose row is one of x: at col
  // and at col + kPairDistance.
  template <class Use>
  OCTET_DEVICE void ForEachPair(const RowSource<T>& x, const RowSource<T>& w, Use use) const {
#pragma unroll
    for (int i = 0; i < kPerThread; ++i) {
      const int64_t row = x.first + ThreadRow() + i * kApart;
      if (row >= x.end) continue;
#pragma unroll
      for (int j = 0; j < kPerThread; j += 2) {
        use(row, w.first + ThreadCol() + j * kApart, sums_[i][j], sums_[i][j + 1]);
      }
    }
  }

 private:
  static constexpr int kPerThread = 4;          // rows, and columns
  static constexpr int kApart = kPairDistance;  // from one of them to the next
  static_assert(kRows == kPerThread * kApart && kCols == kRows && kThreads == kApart * kApart);

  static OCTET_DEVICE int ThreadRow() { return static_cast<int>(threadIdx.x) / kApart; }
  static OCTET_DEVICE int ThreadCol() { return static_cast<int>(threadIdx.x) % kApart; }

  static OCTET_DEVICE void LoadStage(const RowSource<T>& from, int first_k, int k,
                                     float (&to)[kStageK][kPaddedTile]) {
    const int element = static_cast<int>(threadIdx.x) % kStageK;
    const int first_row = static_cast<int>(threadIdx.x) / kStageK;
#pragma unroll
    for (int i = 0; i < kRows; i += kThreads / kStageK) {
      const int64_t row = from.first + first_row + i;
      const bool is_there = row < from.end && first_k + element < k;
      to[element][first_row + i] = is_there ? Load(from.Row(row) + first_k + element) : 0.0F;
    }
  }

  OCTET_DEVICE void AddProducts(const float (&x)[kPaddedTile], const float (&w)[kPaddedTile]) {
#pragma unroll
    for (int i = 0; i < kPerThread; ++i) {
#pragma unroll
      for (int j = 0; j < kPerThread; ++j) {
        sums_[i][j] =
            __fmaf_rn(x[ThreadRow() + i * kApart], w[ThreadCol() + j * kApart], sums_[i][j]);
      }
    }
  }

  float sums_[kPerThread][kPerThread] = {};
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_PLAIN_TILE_H_
