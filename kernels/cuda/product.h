// Kernels that multiply rows with weights; for matmul.cu and grouped_swiglu.cu.

#ifndef OCTET_KERNELS_CUDA_PRODUCT_H_
#define OCTET_KERNELS_CUDA_PRODUCT_H_

#include <cstdint>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/plain_tile.h"
#include "kernels/cuda/row_source.h"
#include "kernels/cuda/tensor_core_tile.h"

namespace octet::cuda {

// For a few rows, reading the weights takes all the time. It needs many blocks, and many bytes on
// their way to each: 40 KiB of weights here.
using SkinnyTile = TensorCoreTile<16, 32, 16, 16, 128, 6>;
using MediumTile = TensorCoreTile<64, 64, 32, 32, 64, 4>;
// A large tile reads less for each output.
using LargeTile = TensorCoreTile<128, 128, 64, 32, 64, 3, 2>;

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// What one block multiplies: rows of x, none if it has no work, and rows of weights.
template <class T>
struct Operands {
  RowSource<T> x;
  RowSource<T> w;
};

// A block for each tile of outputs. Work finds a block's operands, and Store takes its outputs.
// Blocks that share weights follow each other, so that the cache has them.
template <class Tile, class Work, class Store>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    ProductKernel(Work work, Store store) {
  OCTET_DYNAMIC_SHARED(typename Tile::Shared, shared);
  Operands<typename Tile::Element> operands = work.Find(Tile::kRows);
  if (operands.x.first >= operands.x.end) return;
  operands.w.first = int64_t{blockIdx.y} * Tile::kCols;
  Tile tile;
  tile.Multiply(operands.x, operands.w, work.k, *shared);
  tile.ForEachPair(operands.x, operands.w, store);
}

template <class Tile, class Work, class Store>
cudaError_t LaunchTiles(const Work& work, const Store& store, cudaStream_t stream) {
  const LaunchShape shape = {.blocks_x = work.NumRowTiles(Tile::kRows),
                             .blocks_y = CeilDiv(work.num_cols(), Tile::kCols),
                             .threads = Tile::kThreads,
                             .dynamic_shared_bytes = sizeof(typename Tile::Shared)};
  return Launch(shape, stream, ProductKernel<Tile, Work, Store>, work, store);
}

// By tensor cores, for rows that come `tile_rows` at a time. The bits do not depend on it.
template <class Work, class Store>
cudaError_t LaunchTensorCores(int64_t tile_rows, const Work& work, const Store& store,
                              cudaStream_t stream) {
  if (tile_rows <= SkinnyTile::kRows) return LaunchTiles<SkinnyTile>(work, store, stream);
  if (tile_rows <= MediumTile::kRows) return LaunchTiles<MediumTile>(work, store, stream);
  return LaunchTiles<LargeTile>(work, store, stream);
}

// Stores products as float32.
struct StoreProducts {
  float* y;
  int64_t stride;
  int64_t cols;

  OCTET_DEVICE void operator()(int64_t row, int64_t col, float first, float second) const {
    float* const to = y + row * stride + col;
    if (col < cols) to[0] = first;
    if (col + kPairDistance < cols) to[kPairDistance] = second;
  }
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_PRODUCT_H_
