#include "kernels/cuda/rms_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/cuda_emu/device_array.h"
#include "tests/cuda_emu/emulation.h"

namespace octet::cuda {
namespace {

using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::Site;
using cuda_emu::TestStream;

constexpr float kEps = 1e-5F;
constexpr uint64_t kSeeds = 8;

struct Case {
  int64_t rows;
  int64_t cols;
  int64_t stride;
  std::vector<float> x;  // [rows, stride]
  std::vector<float> weight;

  static Case Random(int64_t rows, int64_t cols, int64_t stride) {
    std::mt19937 random(static_cast<uint32_t>(rows * 1000 + cols));
    std::normal_distribution<float> number;
    Case c = {rows, cols, stride, {}, {}};
    for (int64_t i = 0; i < rows * stride; ++i) c.x.push_back(number(random));
    for (int64_t i = 0; i < cols; ++i) c.weight.push_back(1 + number(random) / 4);
    return c;
  }

  std::vector<float> Run(uint64_t seed, const Site& removed = {}) const {
    Emulation::Device().Reset({.seed = seed, .removed = removed});
    const TestStream stream;
    const DeviceArray<float> x_device(x, stream);
    const DeviceArray<float> weight_device(weight, stream);
    const DeviceArray<float> y_device(rows * cols);
    EXPECT_EQ(RmsNorm({x_device.data(), rows, cols, stride}, weight_device.data(), kEps,
                      {y_device.data(), rows, cols, cols}, stream),
              cudaSuccess);
    return y_device.Read(stream);
  }
};

TEST(CudaRmsNorm, IsTheFormula) {
  for (const auto& [rows, cols, stride] : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {3, 31, 40}, {2, 256, 256}, {2, 1000, 1001}, {1, 4096, 4096}}) {
    const Case c = Case::Random(rows, cols, stride);
    const std::vector<float> y = c.Run(1);
    EXPECT_TRUE(Emulation::Device().faults().empty());
    for (int64_t r = 0; r < rows; ++r) {
      double squares = 0;
      for (int64_t i = 0; i < cols; ++i) squares += std::pow(c.x[r * stride + i], 2.0);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(cols) + kEps);
      for (int64_t i = 0; i < cols; ++i) {
        const double expected = c.x[r * stride + i] * scale * c.weight[i];
        EXPECT_NEAR(y[r * cols + i], expected, 1e-6 * (1 + std::abs(expected))) << cols;
      }
    }
  }
}

// In any order of threads and blocks, and whatever other rows there are.
TEST(CudaRmsNorm, ARowHasTheSameBitsAlways) {
  const Case c = Case::Random(3, 777, 777);
  const std::vector<float> y = c.Run(1);
  for (uint64_t seed = 2; seed <= kSeeds; ++seed) EXPECT_EQ(c.Run(seed), y) << seed;
  const Case last = {1, 777, 777, {c.x.begin() + 2 * 777, c.x.end()}, c.weight};
  EXPECT_EQ(last.Run(5), std::vector<float>(y.begin() + 2 * 777, y.end()));
}

TEST(CudaRmsNorm, EachSynchronisationIsNeeded) {
  const Case c = Case::Random(1, 300, 300);
  const std::vector<float> y = c.Run(1);
  const std::vector<Site> sites = Emulation::Device().sites();
  ASSERT_EQ(sites.size(), 1U);
  int wrong = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) wrong += c.Run(seed, sites[0]) != y;
  EXPECT_GT(wrong, 0);
}

TEST(CudaRmsNorm, NoRowsAreNoLaunch) {
  EXPECT_EQ(RmsNorm({nullptr, 0, 8, 8}, nullptr, kEps, {nullptr, 0, 8, 8}, nullptr), cudaSuccess);
}

}  // namespace
}  // namespace octet::cuda
