#include "runtime/model/rope.h"

#include <cmath>
#include <span>
#include <vector>

namespace octet {

Rope::Rope(Backend& backend, int head_dim, double theta, int64_t max_positions,
           const RopeScaling& scaling) {
  const int64_t half = head_dim / 2;
  std::vector<float> cos(max_positions * half);
  std::vector<float> sin(max_positions * half);
  const std::vector<float> frequencies = RopeFrequencies(head_dim, theta, scaling);
  const auto length = static_cast<float>(scaling.attention_factor);
  for (int64_t i = 0; i < half; ++i) {
    for (int64_t position = 0; position < max_positions; ++position) {
      const double angle = static_cast<float>(position) * frequencies[i];
      cos[position * half + i] = static_cast<float>(std::cos(angle)) * length;
      sin[position * half + i] = static_cast<float>(std::sin(angle)) * length;
    }
  }
  const auto write = [&](std::span<const float> table, Buffer& buffer) -> ConstMatrix {
    buffer = backend.Allocate(table.size_bytes());
    backend.packer().Write(std::as_bytes(table), buffer.data());
    return {buffer.data(), DType::kF32, max_positions, half, half};
  };
  table_ = {write(cos, cos_), write(sin, sin_)};
}

}  // namespace octet
