#include "runtime/model/rope.h"

#include <cmath>

namespace octet {

Rope::Rope(int head_dim, double theta, int64_t max_positions, const RopeScaling& scaling)
    : cos_(max_positions * head_dim / 2), sin_(max_positions * head_dim / 2) {
  const int64_t half = head_dim / 2;
  const std::vector<float> frequencies = RopeFrequencies(head_dim, theta, scaling);
  const auto length = static_cast<float>(scaling.attention_factor);
  for (int64_t i = 0; i < half; ++i) {
    for (int64_t position = 0; position < max_positions; ++position) {
      const double angle = static_cast<float>(position) * frequencies[i];
      cos_[position * half + i] = static_cast<float>(std::cos(angle)) * length;
      sin_[position * half + i] = static_cast<float>(std::sin(angle)) * length;
    }
  }
  const auto view = [&](const std::vector<float>& v) {
    return ConstMatrix{reinterpret_cast<const std::byte*>(v.data()), DType::kF32, max_positions,
                       half, half};
  };
  table_ = {view(cos_), view(sin_)};
}

}  // namespace octet
