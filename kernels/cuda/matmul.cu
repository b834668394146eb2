#include "kernels/cuda/matmul.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/tile_product.h"

namespace octet::cuda {
namespace {

// A block for each tile of y.
__global__ void __launch_bounds__(kTileThreads)
    MatmulKernel(RowSource x, RowSource w, int64_t k, float* y, int64_t y_stride) {
  OCTET_SHARED(TileStages<1>, stages, 1);
  x.first = int64_t{blockIdx.y} * kTile;
  w.first = int64_t{blockIdx.x} * kTile;
  WarpSums sums[1];
  const RowSource weights[1] = {w};
  MultiplyTile(x, weights, k, stages[0], sums);
  StoreSums(sums[0], x, w, y, y_stride);
}

bool IsAligned(ConstMatrix m) {
  return m.cols % kChunk == 0 && m.stride % kChunk == 0 &&
         reinterpret_cast<uintptr_t>(m.data) % sizeof(uint4) == 0;
}

RowSource AllRows(ConstMatrix m) {
  return {
      .data = reinterpret_cast<const BF16*>(m.data), .stride = m.stride, .first = 0, .end = m.rows};
}

}  // namespace

cudaError_t Matmul(ConstMatrix x, ConstMatrix w, Matrix y, cudaStream_t stream) {
  if (x.rows == 0 || w.rows == 0) return cudaSuccess;
  if (!IsAligned(x) || !IsAligned(w) || x.cols != w.cols) return cudaErrorInvalidValue;
  const LaunchShape shape = {
      .blocks_x = NumTiles(w.rows), .blocks_y = NumTiles(x.rows), .threads = kTileThreads};
  return Launch(shape, stream, MatmulKernel, AllRows(x), AllRows(w), x.cols,
                reinterpret_cast<float*>(y.data), y.stride);
}

}  // namespace octet::cuda
