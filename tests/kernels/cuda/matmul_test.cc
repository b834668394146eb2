#include "kernels/cuda/matmul.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "tests/cuda_emu/emulated_device.h"
#include "tests/kernels/cuda/product_case.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;

template <class T>
void ExpectProduct(const Product<T>& product) {
  const auto& [m, n, k] = std::tie(product.m, product.n, product.k);
  const std::vector<float> y = ComputeWith(1, product.OnDevice());
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t col = 0; col < n; ++col) {
      EXPECT_NEAR(y[row * n + col], product(row, col), 4e-5 * std::sqrt(k))
          << m << " " << n << " " << k << ": " << row << ", " << col;
    }
  }
}

TEST(CudaMatmul, IsTheProduct) {
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{{1, 1, 8},
                                                                   {1, 64, 32},
                                                                   {16, 33, 136},
                                                                   {17, 90, 136},
                                                                   {64, 64, 64},
                                                                   {70, 100, 104},
                                                                   {5, 8, 1000}}) {
    ExpectProduct(Product<BF16>{m, n, k});
    ExpectProduct(Product<BF16>{m, n, k, Path::kPlain});
    ExpectProduct(Product<float>{m, n, k});
  }
}

// Such as tensor cores can't multiply.
TEST(CudaMatmul, TakesAnyShape) {
  for (const auto& [m, n, k] :
       std::vector<std::array<int64_t, 3>>{{1, 1, 1}, {3, 5, 7}, {66, 65, 33}, {2, 17, 100}}) {
    ExpectProduct(Product<BF16>{m, n, k, Path::kFastest, k + 3});
    ExpectProduct(Product<float>{m, n, k, Path::kFastest, k + 3});
  }
}

// The wait for copies and the barrier, or two barriers, are needed.
TEST(CudaMatmul, BitsAreTheSameInAnyOrder) {
  ExpectExact(Product<BF16>{10, 30, 1000}.OnDevice(), 2);
  ExpectExact(Product<BF16>{40, 30, 400}.OnDevice(), 2);
  ExpectExact(Product<BF16>{40, 30, 72, Path::kPlain}.OnDevice(), 2);
  ExpectExact(Product<float>{40, 30, 71}.OnDevice(), 2);
}

// 1 and 16 rows take skinny tiles, 17 and 70 medium ones.
template <class T>
void ExpectRowsAlone(Product<T> all) {
  const std::vector<float> y = ComputeWith(1, all.OnDevice());
  for (const int64_t rows : {1, 16, 17}) {
    EXPECT_EQ(ComputeWith(4, all.LastRows(rows).OnDevice()),
              std::vector<float>(y.end() - rows * all.n, y.end()))
        << rows;
  }
  std::fill_n(reinterpret_cast<std::byte*>(all.x.data()), sizeof(T), std::byte{0xFF});  // a NaN
  all.x[all.stride + 2] = all.x[0];
  const std::vector<float> beside_nans = ComputeWith(3, all.OnDevice());
  EXPECT_TRUE(std::isnan(beside_nans[0]) && std::isnan(beside_nans[2 * all.n - 1]));
  EXPECT_TRUE(std::equal(y.begin() + 2 * all.n, y.end(), beside_nans.begin() + 2 * all.n));
}

TEST(CudaMatmul, ARowDoesNotDependOnTheOthers) {
  ExpectRowsAlone(Product<BF16>{70, 36, 904});
  ExpectRowsAlone(Product<BF16>{70, 20, 99});
  ExpectRowsAlone(Product<float>{70, 20, 99});
}

// Copies of global memory: each block reads its rows of x and w once.
template <class T>
int64_t BytesOfBlocks(const Product<T>& p, int64_t tile_rows, int64_t tile_cols) {
  const int64_t row_tiles = (p.m + tile_rows - 1) / tile_rows;
  const int64_t col_tiles = (p.n + tile_cols - 1) / tile_cols;
  return (p.m * col_tiles + PaddedRows(p.n) * row_tiles) * p.k * int64_t{sizeof(T)};
}

TEST(CudaMatmul, ReadsWhatATileNeedsOnce) {
  const Product<BF16> skinny = {11, 70, 200};
  (void)ComputeWith(1, skinny.OnDevice());
  EXPECT_EQ(Emulation::Device().async_bytes(), BytesOfBlocks(skinny, 16, 32));
  const Product<BF16> medium = {130, 70, 200};
  (void)ComputeWith(1, medium.OnDevice());
  EXPECT_EQ(Emulation::Device().async_bytes(), BytesOfBlocks(medium, 64, 64));
}

// So many outputs take large tiles.
TEST(CudaMatmul, LargeTilesHaveTheSameBits) {
  const Product<BF16> all = {129, 48 * 128, 136};
  const std::vector<float> y = ComputeWith(1, all.OnDevice());
  EXPECT_EQ(Emulation::Device().async_bytes(), BytesOfBlocks(all, 128, 128));
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  EXPECT_EQ(ComputeWith(2, all.LastRows(2).OnDevice()),
            std::vector<float>(y.end() - 2 * all.n, y.end()));
}

TEST(CudaMatmul, TakesEmptyMatrices) {
  EXPECT_THAT(ComputeWith(1, Product<BF16>{0, 4, 16}.OnDevice()), testing::IsEmpty());
  EXPECT_THAT(ComputeWith(1, Product<BF16>{4, 0, 16}.OnDevice()), testing::IsEmpty());
  EXPECT_THAT(ComputeWith(1, Product<BF16>{4, 3, 0}.OnDevice()), testing::Each(0));
  EXPECT_THAT(ComputeWith(1, Product<float>{4, 3, 0}.OnDevice()), testing::Each(0));
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
}

TEST(CudaMatmul, RefusesWhatIsNotAligned) {
  std::byte* const aligned = nullptr;
  const auto weights = [](int64_t rows, int64_t cols) {
    return PackedRows<BF16>(std::vector<BF16>(rows * cols), rows, cols).At(nullptr);
  };
  const auto multiply = [&](Matrix x, const PackedMatrix& w) {
    return Matmul(x, w, {aligned, DType::kF32, 4, 4, 4}, nullptr);
  };
  EXPECT_EQ(multiply({aligned, DType::kBF16, 4, 16, 20}, weights(4, 16)), cudaErrorInvalidValue);
  EXPECT_EQ(multiply({aligned + 2, DType::kBF16, 4, 16, 16}, weights(4, 16)),
            cudaErrorInvalidValue);
  EXPECT_EQ(multiply({aligned, DType::kBF16, 4, 16, 16}, weights(4, 24)), cudaErrorInvalidValue);
  EXPECT_EQ(multiply({aligned, DType::kBF16, 4, 16, 16}, weights(5, 16)), cudaErrorInvalidValue);
  EXPECT_EQ(multiply({aligned, DType::kF32, 4, 16, 16}, weights(4, 16)), cudaErrorInvalidValue);
}

TEST(CudaWeights, AreOneRowMajorMatrix) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t cols : {7, 8}) {
      PackedMatrix w;
      std::byte* const data = reinterpret_cast<std::byte*>(64);
      w.buffer = Buffer::View(data, PackedMatrix::Bytes(FormatOf(dtype), 35, cols));
      w.format = FormatOf(dtype);
      w.rows = 35;
      w.cols = cols;
      const ConstMatrix rows = RowMajor(w);
      EXPECT_EQ(rows.cols, cols);
      EXPECT_EQ(rows.rows, 48);
      EXPECT_EQ(rows.row(32), w.panel(2));
      EXPECT_EQ(rows.row(48), data + w.buffer.bytes());
    }
  }
}

TEST(CudaWeights, GateAndUpAlternate) {
  EXPECT_EQ(GateRow(0), 0);
  EXPECT_EQ(GateRow(15), 15);
  EXPECT_EQ(GateRow(16), 32);
  EXPECT_EQ(GateRow(33), 65);
  EXPECT_EQ(GateUpRows(33), 96);
}

}  // namespace
}  // namespace octet::cuda
