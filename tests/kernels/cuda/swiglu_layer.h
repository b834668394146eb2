// Experts on the emulated device, for tests.

#ifndef OCTET_TESTS_KERNELS_CUDA_SWIGLU_LAYER_H_
#define OCTET_TESTS_KERNELS_CUDA_SWIGLU_LAYER_H_

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "kernels/cuda/grouped_swiglu.h"
#include "tests/kernels/cuda/device_weights.h"

namespace octet::cuda {

inline constexpr int64_t kTokens = 30;

template <class T>
class DeviceLayer;

// Experts with any numbers of rows, each of some token.
template <class T>
struct Layer {
  int64_t hidden;
  int64_t intermediate;
  std::vector<int32_t> offsets;
  int64_t tile_rows = 64;
  Path path = Path::kFastest;
  std::vector<int32_t> rows = {};
  std::vector<T> x = {};
  std::vector<std::vector<T>> w1 = {}, w3 = {}, w2 = {};

  Layer(int64_t h, int64_t i, const std::vector<int32_t>& o)
      : hidden(h), intermediate(i), offsets(o), x(Numbers<T>(kTokens * h, 1)) {
    std::mt19937 random(2);
    for (int32_t r = 0; r < offsets.back(); ++r) {
      rows.push_back(static_cast<int32_t>(random() % kTokens));
    }
    for (uint32_t e = 0; e + 1 < offsets.size(); ++e) {
      w1.push_back(Numbers<T>(intermediate * hidden, 10 + e, 0.2F));
      w3.push_back(Numbers<T>(intermediate * hidden, 20 + e, 0.2F));
      w2.push_back(Numbers<T>(hidden * intermediate, 30 + e, 0.2F));
    }
  }

  Layer With(int64_t new_tile_rows, Path new_path = Path::kFastest) const {
    Layer other = *this;
    other.tile_rows = new_tile_rows;
    other.path = new_path;
    return other;
  }

  cuda_emu::Compute OnDevice() const {
    return [*this](const cuda_emu::TestStream& stream) {
      const DeviceLayer<T> device(*this, stream);
      EXPECT_EQ(device.swiglu.Compute(stream), cudaSuccess);
      return device.y.Read(stream);
    };
  }

  // Row `i` of y in double, from rounded numbers between: [hidden].
  std::vector<double> Reference(int64_t i, size_t expert) const {
    const T* const token = &x[rows[i] * hidden];
    const auto dot = [&](const std::vector<T>& w, int64_t n) {
      double sum = 0;
      for (int64_t k = 0; k < hidden; ++k) {
        sum += double{ToFloat(token[k])} * double{ToFloat(w[n * hidden + k])};
      }
      return sum;
    };
    std::vector<double> y(hidden);
    for (int64_t j = 0; j < intermediate; ++j) {
      const double gate = dot(w1[expert], j);
      const double up = dot(w3[expert], j);
      const auto act = static_cast<float>(gate / (1 + std::exp(-gate)) * up);
      const double rounded = kDType<T> == DType::kF32 ? act : ToFloat(ToBF16(act));
      for (int64_t n = 0; n < hidden; ++n) {
        y[n] += rounded * ToFloat(w2[expert][n * intermediate + j]);
      }
    }
    return y;
  }
};

// A layer's arrays on the device.
template <class T>
class DeviceLayer {
 public:
  DeviceLayer(const Layer<T>& layer, const cuda_emu::TestStream& stream)
      : tiles(DivideIntoTiles(layer.offsets, layer.tile_rows)),
        experts(Upload(layer, stream)),
        expert_table(experts, stream),
        tile_array(tiles, stream),
        rows(layer.rows, stream),
        x(layer.x, stream),
        between(std::ssize(layer.rows) * PaddedRows(layer.intermediate)),
        y(std::ssize(layer.rows) * layer.hidden) {
    const auto pairs = std::ssize(layer.rows);
    const int64_t hidden = layer.hidden;
    swiglu = {.x = cuda_emu::ViewOf(x, kTokens, hidden, hidden),
              .rows = rows.data(),
              .tiles = tile_array.data(),
              .num_tiles = nullptr,
              .max_tiles = std::ssize(tiles),
              .tile_rows = layer.tile_rows,
              .experts = expert_table.data(),
              .between = cuda_emu::ViewOf(between, pairs, layer.intermediate,
                                          PaddedRows(layer.intermediate)),
              .y = cuda_emu::ViewOf(y, pairs, hidden, hidden),
              .path = layer.path};
  }

 private:
  std::vector<DeviceExpert> Upload(const Layer<T>& layer, const cuda_emu::TestStream& stream) {
    const auto upload = [&](const PackedRows<T>& rows_of_weights) {
      return weights_
          .emplace_back(
              std::make_unique<cuda_emu::DeviceArray<T>>(rows_of_weights.packed(), stream))
          ->data();
    };
    std::vector<DeviceExpert> result;
    for (size_t e = 0; e < layer.w1.size(); ++e) {
      result.push_back(
          {upload(PackedRows<T>(layer.w1[e], layer.w3[e], layer.intermediate, layer.hidden)),
           upload(PackedRows<T>(layer.w2[e], layer.hidden, layer.intermediate))});
    }
    return result;
  }

  std::vector<std::unique_ptr<cuda_emu::DeviceArray<T>>> weights_;

 public:
  const std::vector<ExpertTile> tiles;
  const std::vector<DeviceExpert> experts;
  const cuda_emu::DeviceArray<DeviceExpert> expert_table;
  const cuda_emu::DeviceArray<ExpertTile> tile_array;
  const cuda_emu::DeviceArray<int32_t> rows;
  const cuda_emu::DeviceArray<T> x, between;
  const cuda_emu::DeviceArray<float> y;
  GroupedSwiGlu swiglu;
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_SWIGLU_LAYER_H_
