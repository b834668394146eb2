#include "kernels/cuda/matmul.h"
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
  const int64_t first_row = x.first + WarpRow();
  const int64_t first_col = w.first + WarpCol();
  sums[0].Visit([&](int row, int col, int m, int n, int i) {
    if (first_row + row >= x.end || first_col + col >= w.end) return;
    y[(first_row + row) * y_stride + first_col + col] = sums[0].sums[m][n][i];
  });
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
  const auto tiles = [](int64_t n) { return static_cast<unsigned>((n + kTile - 1) / kTile); };
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(tiles(w.rows), tiles(x.rows));
  config.blockDim = dim3(kTileThreads);
  config.stream = stream;
  return cudaLaunchKernelEx(&config, MatmulKernel, AllRows(x), AllRows(w), x.cols,
                            reinterpret_cast<float*>(y.data), y.stride);
}

}  // namespace octet::cuda
