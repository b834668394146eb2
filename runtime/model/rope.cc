#include "runtime/model/rope.h"

#include <cmath>

namespace octet {

Rope::Rope(int head_dim, double theta, int64_t max_positions)
    : cos_(max_positions * head_dim / 2), sin_(max_positions * head_dim / 2) {
  const int64_t half = head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    const float frequency = 1.0F / static_cast<float>(std::pow(theta, exponent));
    for (int64_t position = 0; position < max_positions; ++position) {
      const double angle = static_cast<float>(position) * frequency;
      cos_[position * half + i] = static_cast<float>(std::cos(angle));
      sin_[position * half + i] = static_cast<float>(std::sin(angle));
    }
  }
  const auto view = [&](const std::vector<float>& v) {
    return ConstMatrix{reinterpret_cast<const std::byte*>(v.data()), DType::kF32, max_positions,
                       half, half};
  };
  table_ = {view(cos_), view(sin_)};
}

}  // namespace octet
