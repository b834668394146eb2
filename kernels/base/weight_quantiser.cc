#include "kernels/base/weight_quantiser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/base/check.h"

namespace octet {
namespace {

using Run = std::span<const float, kRunSize>;

// Returns the number with the greatest magnitude; NaN if one is not finite.
float Greatest(Run x) {
  float greatest = 0;
  for (const float value : x) {
    if (!std::isfinite(value)) return std::numeric_limits<float>::quiet_NaN();
    if (std::abs(value) > std::abs(greatest)) greatest = value;
  }
  return greatest;
}

// Stores d, and returns the factor that brings numbers to whole ones.
float StoreScale(float d, std::byte* block) {
  const uint16_t half = FloatToHalf(d);
  std::memcpy(block, &half, sizeof(half));
  const float stored = HalfToFloat(half);
  return stored == 0 || !std::isfinite(stored) ? 0 : 1 / stored;
}

int Rounded(float x, float inverse, int least, int most) {
  if (inverse == 0) return 0;
  return std::clamp(static_cast<int>(std::nearbyint(x * inverse)), least, most);
}

void QuantiseQ8(Run x, std::byte* block) {
  constexpr int kMost = 127;
  const float inverse = StoreScale(std::abs(Greatest(x)) / kMost, block);
  for (int i = 0; i < kRunSize; ++i) {
    block[2 + i] = static_cast<std::byte>(Rounded(x[i], inverse, -kMost, kMost));
  }
}

void QuantiseQ4(Run x, std::byte* block) {
  constexpr int kHalf = kRunSize / 2;
  const float inverse = StoreScale(Greatest(x) / -8, block);
  std::array<int, kRunSize> q = {};
  for (int i = 0; i < kRunSize; ++i) q[i] = Rounded(x[i], inverse, -8, 7) + 8;
  for (int i = 0; i < kHalf; ++i) block[2 + i] = static_cast<std::byte>(q[i] | q[i + kHalf] << 4);
}

}  // namespace

void QuantiseRow(WeightFormat format, std::span<const float> x, std::byte* row) {
  OCTET_CHECK(format == WeightFormat::kQ8_0 || format == WeightFormat::kQ4_0) << Name(format);
  OCTET_CHECK_EQ(x.size() % kRunSize, 0U);
  const auto quantise = format == WeightFormat::kQ8_0 ? QuantiseQ8 : QuantiseQ4;
  for (size_t i = 0; i < x.size(); i += kRunSize) {
    quantise(x.subspan(i).first<kRunSize>(), row);
    row += GeometryOf(format).bytes;
  }
}

}  // namespace octet
