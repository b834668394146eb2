#include "kernels/cuda/grouped_swiglu.h"

#include <algorithm>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/tile_product.h"

namespace octet::cuda {
namespace {

OCTET_DEVICE float SiluTimes(float gate, float up) {
  const float silu = __fdiv_rn(gate, __fadd_rn(1.0F, expf(-gate)));
  return __fmul_rn(silu, up);
}

// between = silu(w1 x) * (w3 x), of a tile of rows and kTile columns.
__global__ void __launch_bounds__(kTileThreads)
    GateAndUpKernel(RowSource x, const ExpertTile* tiles, const DeviceExpert* experts,
                    int64_t hidden, int64_t intermediate, BF16* between, int64_t between_stride) {
  OCTET_SHARED(TileStages<2>, stages, 1);
  const ExpertTile tile = tiles[blockIdx.y];
  const DeviceExpert expert = experts[tile.expert];
  x.first = tile.first;
  x.end = tile.end;
  const int64_t first_out = int64_t{blockIdx.x} * kTile;
  const RowSource weights[2] = {{expert.w1, hidden, first_out, intermediate},
                                {expert.w3, hidden, first_out, intermediate}};
  WarpSums sums[2];
  MultiplyTile(x, weights, hidden, stages[0], sums);
  VisitOutputs(x, weights[0], [&](int64_t row, int64_t col, const SumPlace& at) {
    Store(SiluTimes(sums[0][at], sums[1][at]), between + row * between_stride + col);
  });
}

// y = w2 between
__global__ void __launch_bounds__(kTileThreads)
    DownKernel(RowSource between, const ExpertTile* tiles, const DeviceExpert* experts,
               int64_t hidden, int64_t intermediate, float* y, int64_t y_stride) {
  OCTET_SHARED(TileStages<1>, stages, 1);
  const ExpertTile tile = tiles[blockIdx.y];
  between.first = tile.first;
  between.end = tile.end;
  const int64_t first_out = int64_t{blockIdx.x} * kTile;
  const RowSource weights[1] = {{experts[tile.expert].w2, intermediate, first_out, hidden}};
  WarpSums sums[1];
  MultiplyTile(between, weights, intermediate, stages[0], sums);
  StoreSums(sums[0], between, weights[0], y, y_stride);
}

LaunchShape ShapeFor(int64_t cols, int64_t num_tiles) {
  return {.blocks_x = NumTiles(cols), .blocks_y = num_tiles, .threads = kTileThreads};
}

}  // namespace

std::vector<ExpertTile> DivideIntoTiles(std::span<const int32_t> offsets) {
  std::vector<ExpertTile> tiles;
  for (size_t e = 0; e + 1 < offsets.size(); ++e) {
    for (int32_t first = offsets[e]; first < offsets[e + 1]; first += kTile) {
      tiles.push_back({static_cast<int32_t>(e), first, std::min(first + kTile, offsets[e + 1])});
    }
  }
  return tiles;
}

cudaError_t GroupedSwiGlu::Compute(cudaStream_t stream) const {
  if (num_tiles == 0) return cudaSuccess;
  for (const int64_t count : {x.cols, x.stride, between.cols, between.stride}) {
    if (count % kChunk != 0) return cudaErrorInvalidValue;
  }
  const int64_t hidden = x.cols;
  const int64_t intermediate = between.cols;
  auto* const act = reinterpret_cast<BF16*>(between.data);
  const RowSource inputs = {reinterpret_cast<const BF16*>(x.data), x.stride, 0, 0, rows};
  const cudaError_t error =
      Launch(ShapeFor(intermediate, num_tiles), stream, GateAndUpKernel, inputs, tiles, experts,
             hidden, intermediate, act, between.stride);
  if (error != cudaSuccess) return error;
  const RowSource acts = {act, between.stride, 0, 0};
  return Launch(ShapeFor(hidden, num_tiles), stream, DownKernel, acts, tiles, experts, hidden,
                intermediate, reinterpret_cast<float*>(y.data), y.stride);
}

}  // namespace octet::cuda
