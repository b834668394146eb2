#include "kernels/cuda/grouped_swiglu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

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

constexpr int64_t kTokens = 30;

std::vector<BF16> Rounded(int64_t count, uint32_t seed, float scale) {
  std::vector<BF16> rounded;
  for (const float number : NormalNumbers(count, seed)) rounded.push_back(ToBF16(scale * number));
  return rounded;
}

// Experts with any numbers of rows, each of some token.
struct Layer {
  int64_t hidden;
  int64_t intermediate;
  std::vector<int32_t> offsets;
  std::vector<int32_t> rows = {};
  std::vector<BF16> x = Rounded(kTokens * hidden, 1, 1);
  std::vector<std::vector<BF16>> w1 = {}, w3 = {}, w2 = {};

  Layer(int64_t h, int64_t i, const std::vector<int32_t>& o)
      : hidden(h), intermediate(i), offsets(o) {
    std::mt19937 random(2);
    for (int32_t r = 0; r < offsets.back(); ++r) {
      rows.push_back(static_cast<int32_t>(random() % kTokens));
    }
    for (uint32_t e = 0; e + 1 < offsets.size(); ++e) {
      w1.push_back(Rounded(intermediate * hidden, 10 + e, 0.2F));
      w3.push_back(Rounded(intermediate * hidden, 20 + e, 0.2F));
      w2.push_back(Rounded(hidden * intermediate, 30 + e, 0.2F));
    }
  }

  cuda_emu::Compute OnDevice() const {
    return [*this](const TestStream& stream) {
      std::vector<std::unique_ptr<DeviceArray<BF16>>> weights;
      std::vector<DeviceExpert> experts;
      const auto upload = [&](const std::vector<BF16>& w) {
        return weights.emplace_back(std::make_unique<DeviceArray<BF16>>(w, stream))->data();
      };
      for (size_t e = 0; e < w1.size(); ++e) {
        experts.push_back({upload(w1[e]), upload(w3[e]), upload(w2[e])});
      }
      const auto pairs = std::ssize(rows);
      const std::vector<ExpertTile> tiles = DivideIntoTiles(offsets);
      const DeviceArray<DeviceExpert> expert_array(experts, stream);
      const DeviceArray<ExpertTile> tile_array(tiles, stream);
      const DeviceArray<int32_t> row_array(rows, stream);
      const DeviceArray<BF16> x_array(x, stream), between(pairs * intermediate);
      const DeviceArray<float> y(pairs * hidden);
      const GroupedSwiGlu swiglu = {.x = ViewOf(x_array, kTokens, hidden, hidden),
                                    .rows = row_array.data(),
                                    .tiles = tile_array.data(),
                                    .num_tiles = std::ssize(tiles),
                                    .experts = expert_array.data(),
                                    .between = ViewOf(between, pairs, intermediate, intermediate),
                                    .y = ViewOf(y, pairs, hidden, hidden)};
      EXPECT_EQ(swiglu.Compute(stream), cudaSuccess);
      return y.Read(stream);
    };
  }

  // Row `i` of y in double, from rounded numbers between: [hidden].
  std::vector<double> Reference(int64_t i, size_t expert) const {
    const BF16* const token = &x[rows[i] * hidden];
    const auto dot = [&](const std::vector<BF16>& w, int64_t n) {
      double sum = 0;
      for (int64_t k = 0; k < hidden; ++k)
        sum += ToFloat(token[k]) * double{ToFloat(w[n * hidden + k])};
      return sum;
    };
    std::vector<double> y(hidden);
    for (int64_t j = 0; j < intermediate; ++j) {
      const double gate = dot(w1[expert], j);
      const double up = dot(w3[expert], j);
      const double act = ToFloat(ToBF16(static_cast<float>(gate / (1 + std::exp(-gate)) * up)));
      for (int64_t n = 0; n < hidden; ++n) y[n] += act * ToFloat(w2[expert][n * intermediate + j]);
    }
    return y;
  }
};

TEST(CudaGroupedSwiGlu, IsTheFormula) {
  const Layer layer(40, 72, {0, 3, 3, 70, 139});
  const std::vector<float> y = ComputeWith(1, layer.OnDevice());
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  for (size_t e = 0; e + 1 < layer.offsets.size(); ++e) {
    for (int32_t i = layer.offsets[e]; i < layer.offsets[e + 1]; ++i) {
      const std::vector<double> expected = layer.Reference(i, e);
      for (int64_t n = 0; n < layer.hidden; ++n) {
        // A number between that is rounded the other way changes the sum by 2^-9 of it.
        EXPECT_NEAR(y[i * layer.hidden + n], expected[n], 0.02) << e << ": " << i << ", " << n;
      }
    }
  }
}

TEST(CudaGroupedSwiGlu, BitsAreTheSameInAnyOrder) {
  ExpectExact(Layer(168, 136, {0, 10, 15}).OnDevice(), 2);
}

TEST(CudaGroupedSwiGlu, ARowDoesNotDependOnTheOthers) {
  const Layer many(40, 72, {0, 100});
  Layer one = many;
  one.offsets = {0, 1};
  one.rows = {many.rows.back()};
  const std::vector<float> y = ComputeWith(1, many.OnDevice());
  EXPECT_EQ(ComputeWith(6, one.OnDevice()), std::vector<float>(y.end() - 40, y.end()));
}

TEST(CudaGroupedSwiGlu, TilesCoverEachExpertsRows) {
  const std::vector<ExpertTile> tiles = DivideIntoTiles(std::vector<int32_t>{0, 0, 130, 131});
  ASSERT_EQ(tiles.size(), 4U);
  EXPECT_EQ(tiles[0].expert, 1);
  EXPECT_EQ(tiles[1].first, 64);
  EXPECT_EQ(tiles[2].first, 128);
  EXPECT_EQ(tiles[2].end, 130);
  EXPECT_EQ(tiles[3].expert, 2);
  EXPECT_EQ(tiles[3].end, 131);
}

}  // namespace
}  // namespace octet::cuda
