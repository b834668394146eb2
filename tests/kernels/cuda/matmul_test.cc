#include "kernels/cuda/matmul.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;

struct Product {
  int64_t m, n, k;
  int64_t stride = k + 8;
  std::vector<BF16> x = Rounded(m * stride, 1);
  std::vector<BF16> w = Rounded(n * stride, 2);

  static std::vector<BF16> Rounded(int64_t count, uint32_t seed) {
    std::vector<BF16> rounded;
    for (const float number : NormalNumbers(count, seed)) rounded.push_back(ToBF16(number));
    return rounded;
  }

  cuda_emu::Compute OnDevice() const {
    return [*this](const TestStream& stream) {
      const DeviceArray<BF16> x_device(x, stream), w_device(w, stream);
      const DeviceArray<float> y(m * n);
      EXPECT_EQ(Matmul(ViewOf(x_device, m, k, stride), ViewOf(w_device, n, k, stride),
                       ViewOf(y, m, n, n), stream),
                cudaSuccess);
      return y.Read(stream);
    };
  }

  double operator()(int64_t row, int64_t col) const {
    double sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      sum += ToFloat(x[row * stride + i]) * double{ToFloat(w[col * stride + i])};
    }
    return sum;
  }
};

TEST(CudaMatmul, IsTheProduct) {
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 8}, {1, 64, 32}, {64, 64, 64}, {70, 100, 104}, {5, 8, 1000}}) {
    const Product product = {m, n, k};
    const std::vector<float> y = ComputeWith(1, product.OnDevice());
    EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
    for (int64_t row = 0; row < m; ++row) {
      for (int64_t col = 0; col < n; ++col) {
        EXPECT_NEAR(y[row * n + col], product(row, col), 1e-5 * std::sqrt(k) * 4)
            << m << " " << n << " " << k << ": " << row << ", " << col;
      }
    }
  }
}

// The wait for copies and the barrier are both needed.
TEST(CudaMatmul, BitsAreTheSameInAnyOrder) { ExpectExact(Product{40, 30, 168}.OnDevice(), 2); }

TEST(CudaMatmul, ARowDoesNotDependOnTheOthers) {
  const Product all = {70, 20, 96};
  Product last = all;
  last.m = 1;
  last.x.erase(last.x.begin(), last.x.end() - all.stride);
  const std::vector<float> y = ComputeWith(1, all.OnDevice());
  EXPECT_EQ(ComputeWith(4, last.OnDevice()), std::vector<float>(y.end() - 20, y.end()));
}

TEST(CudaMatmul, RefusesWhatIsNotAligned) {
  std::byte* const aligned = nullptr;
  const Matrix right = {aligned, DType::kBF16, 4, 16, 16};
  const Matrix narrow = {aligned, DType::kBF16, 4, 12, 16};
  const Matrix y = {aligned, DType::kF32, 4, 4, 4};
  EXPECT_EQ(Matmul(narrow, narrow, y, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(Matmul(right, {aligned + 2, DType::kBF16, 4, 16, 16}, y, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(Matmul(right, {aligned, DType::kBF16, 4, 24, 24}, y, nullptr), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace octet::cuda
