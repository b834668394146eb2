#include "kernels/cuda/grouped_swiglu.h"

#include <algorithm>

#include "kernels/cuda/product.h"

namespace octet::cuda {
namespace {

// The tiles of experts, each with one of the matrices of its expert.
template <class T>
struct ExpertTiles {
  RowSource<T> x;
  const ExpertTile* tiles;
  const int32_t* num_tiles;
  int64_t max_tiles;
  int64_t tile_rows;
  const DeviceExpert* experts;
  const void* DeviceExpert::*weights;
  RowSource<T> w;  // without data
  int k;

  // Tiles of more than `rows` rows are divided further.
  int64_t NumRowTiles(int rows) const { return max_tiles * CeilDiv(tile_rows, rows); }
  int64_t num_cols() const { return w.end; }

  OCTET_DEVICE Operands<T> Find(int rows) const {
    const unsigned parts = gridDim.x / static_cast<unsigned>(max_tiles);
    const unsigned i = blockIdx.x / parts;
    Operands<T> operands = {x, w};
    if (num_tiles != nullptr && static_cast<int>(i) >= *num_tiles) return operands;
    const ExpertTile tile = tiles[i];
    operands.x.first = tile.first + static_cast<int>(blockIdx.x % parts) * rows;
    operands.x.end = tile.end;
    operands.w.data = static_cast<const T*>(experts[tile.expert].*weights);
    return operands;
  }
};

// between = silu(gate) * up. Columns of gate and up alternate kPairDistance at a time.
template <class T>
struct StoreSwiGlu {
  T* between;
  int64_t stride;
  int64_t cols;

  OCTET_DEVICE void operator()(int64_t row, int64_t col, float gate, float up) const {
    const int64_t j = col / (2 * kPairDistance) * kPairDistance + col % kPairDistance;
    if (j >= cols) return;
    const float silu = __fdiv_rn(gate, __fadd_rn(1.0F, expf(-gate)));
    Store(__fmul_rn(silu, up), between + row * stride + j);
  }
};

// The two products, as they are given to the kernels.
template <class T>
struct Products {
  ExpertTiles<T> gate_up;
  StoreSwiGlu<T> store_between;
  ExpertTiles<T> down;
  StoreProducts store_y;

  explicit Products(const GroupedSwiGlu& s) {
    const int64_t hidden = s.x.cols;
    const int64_t intermediate = s.between.cols;
    auto* const between = reinterpret_cast<T*>(s.between.data);
    const auto tiles = [&s](const T* x, int64_t x_stride, const int32_t* rows,
                            const void* DeviceExpert::*weights, int64_t w_rows, int64_t k) {
      return ExpertTiles<T>{.x = {x, x_stride, 0, 0, rows},
                            .tiles = s.tiles,
                            .num_tiles = s.num_tiles,
                            .max_tiles = s.max_tiles,
                            .tile_rows = s.tile_rows,
                            .experts = s.experts,
                            .weights = weights,
                            .w = {nullptr, WeightStride(s.x.dtype, k), 0, w_rows},
                            .k = static_cast<int>(k)};
    };
    gate_up = tiles(reinterpret_cast<const T*>(s.x.data), s.x.stride, s.rows,
                    &DeviceExpert::gate_up, GateUpRows(intermediate), hidden);
    store_between = {between, s.between.stride, intermediate};
    down = tiles(between, s.between.stride, nullptr, &DeviceExpert::down, hidden, intermediate);
    store_y = {reinterpret_cast<float*>(s.y.data), s.y.stride, hidden};
  }
};

template <class T>
cudaError_t ComputePlainly(const Products<T>& products, cudaStream_t stream) {
  using Tile = PlainTile<T>;
  const cudaError_t error = LaunchTiles<Tile>(products.gate_up, products.store_between, stream);
  if (error != cudaSuccess) return error;
  return LaunchTiles<Tile>(products.down, products.store_y, stream);
}

cudaError_t ComputeByTensorCores(int64_t tile_rows, const Products<BF16>& products,
                                 cudaStream_t stream) {
  const cudaError_t error =
      LaunchTensorCores(tile_rows, products.gate_up, products.store_between, stream);
  if (error != cudaSuccess) return error;
  return LaunchTensorCores(tile_rows, products.down, products.store_y, stream);
}

}  // namespace

int64_t RowsOfTile(int64_t num_rows, int64_t num_experts) {
  for (const int64_t rows : {SkinnyTile::kRows, MediumTile::kRows}) {
    if (num_rows <= num_experts * rows) return rows;
  }
  return LargeTile::kRows;
}

int64_t MostTiles(int64_t num_rows, int64_t num_experts, int64_t tile_rows) {
  // Each expert with rows has one tile that may not be full.
  const int64_t with_rows = std::min(num_rows, num_experts);
  return with_rows + (num_rows - with_rows) / tile_rows;
}

std::vector<ExpertTile> DivideIntoTiles(std::span<const int32_t> offsets, int64_t tile_rows) {
  const auto rows = static_cast<int32_t>(tile_rows);
  std::vector<ExpertTile> tiles;
  for (size_t e = 0; e + 1 < offsets.size(); ++e) {
    for (int32_t first = offsets[e]; first < offsets[e + 1]; first += rows) {
      tiles.push_back({static_cast<int32_t>(e), first, std::min(first + rows, offsets[e + 1])});
    }
  }
  return tiles;
}

cudaError_t GroupedSwiGlu::Compute(cudaStream_t stream) const {
  const DType dtype = x.dtype;
  if (dtype == DType::kF16 || between.dtype != dtype || y.dtype != DType::kF32 ||
      y.cols != x.cols || between.rows < y.rows || tile_rows < 1) {
    return cudaErrorInvalidValue;
  }
  if (path == Path::kFastest && CanUseTensorCores(dtype, x.cols) &&
      CanUseTensorCores(dtype, between.cols)) {
    if (!IsAligned(x) || !IsAligned(between)) return cudaErrorInvalidValue;
    return ComputeByTensorCores(tile_rows, Products<BF16>(*this), stream);
  }
  return dtype == DType::kBF16 ? ComputePlainly(Products<BF16>(*this), stream)
                               : ComputePlainly(Products<float>(*this), stream);
}

}  // namespace octet::cuda
