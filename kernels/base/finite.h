// Numbers that are none.

#ifndef OCTET_KERNELS_BASE_FINITE_H_
#define OCTET_KERNELS_BASE_FINITE_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace octet {

// The bits of an infinite magnitude; those of a NaN are greater.
inline constexpr uint32_t kInfiniteBits = 0x7f800000;

// The greatest magnitude of `values`, as the bits of a float32: these have the order of what they
// stand for, and a NaN is above all. 0 of nothing.
inline uint32_t GreatestMagnitude(std::span<const float> values) {
  uint32_t greatest = 0;
  for (const float value : values) {
    greatest = std::max(greatest, std::bit_cast<uint32_t>(value) & 0x7fffffffU);
  }
  return greatest;
}

// The same of bfloat16.
inline uint32_t GreatestMagnitude(std::span<const uint16_t> values) {
  uint16_t greatest = 0;
  for (const uint16_t value : values) {
    greatest = std::max(greatest, static_cast<uint16_t>(value & 0x7fffU));
  }
  return uint32_t{greatest} << 16;
}

// No value is a NaN or infinite.
inline bool AllFinite(std::span<const float> values) {
  return GreatestMagnitude(values) < kInfiniteBits;
}

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_FINITE_H_
