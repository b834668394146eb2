#include "kernels/cuda/matmul.h"

#include "kernels/cuda/product.h"

namespace octet::cuda {
namespace {

// Large tiles pay if most multiprocessors of a GPU get one: an H100 has 132.
constexpr int64_t kEnoughBlocks = 96;

// All rows of x with all weights.
template <class T>
struct WholeMatrices {
  RowSource<T> x;
  RowSource<T> w;
  int k;

  WholeMatrices(ConstMatrix x_matrix, ConstMatrix w_matrix)
      : x(AllRows(x_matrix)), w(AllRows(w_matrix)), k(static_cast<int>(x_matrix.cols)) {}

  static RowSource<T> AllRows(ConstMatrix m) {
    return {reinterpret_cast<const T*>(m.data), m.stride, 0, m.rows};
  }

  int64_t NumRowTiles(int rows) const { return CeilDiv(x.end, rows); }
  int64_t num_cols() const { return w.end; }

  OCTET_DEVICE Operands<T> Find(int rows) const {
    Operands<T> operands = {x, w};
    operands.x.first = int64_t{blockIdx.x} * rows;
    return operands;
  }
};

int64_t TileRows(int64_t num_rows, int64_t num_cols) {
  if (num_rows <= SkinnyTile::kRows) return SkinnyTile::kRows;
  const int64_t large_blocks =
      CeilDiv(num_rows, LargeTile::kRows) * CeilDiv(num_cols, LargeTile::kCols);
  const bool pays = num_rows > MediumTile::kRows && large_blocks >= kEnoughBlocks;
  return pays ? LargeTile::kRows : MediumTile::kRows;
}

bool DoMatch(ConstMatrix x, const PackedMatrix& w, ConstMatrix y) {
  return x.dtype == w.dtype() && w.dtype() != DType::kF16 && y.dtype == DType::kF32 &&
         x.cols == w.cols && y.rows == x.rows && y.cols == w.rows;
}

}  // namespace

cudaError_t Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y, cudaStream_t stream, Path path) {
  const ConstMatrix weights = RowMajor(w);
  const StoreProducts store = {reinterpret_cast<float*>(y.data), y.stride, y.cols};
  if (!DoMatch(x, w, y)) return cudaErrorInvalidValue;
  if (path == Path::kFastest && CanUseTensorCores(w.dtype(), w.cols)) {
    if (!IsAligned(x) || !IsAligned(weights)) return cudaErrorInvalidValue;
    return LaunchTensorCores(TileRows(x.rows, w.rows), WholeMatrices<BF16>(x, weights), store,
                             stream);
  }
  if (w.dtype() == DType::kBF16) {
    return LaunchTiles<PlainTile<BF16>>(WholeMatrices<BF16>(x, weights), store, stream);
  }
  return LaunchTiles<PlainTile<float>>(WholeMatrices<float>(x, weights), store, stream);
}

}  // namespace octet::cuda
