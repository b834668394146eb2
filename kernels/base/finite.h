// Checks for NaN and infinite numbers.

#ifndef OCTET_KERNELS_BASE_FINITE_H_
#define OCTET_KERNELS_BASE_FINITE_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace octet {

// The bits of an infinite magnitude. The bits of a NaN are greater.
inline constexpr uint32_t kInfiniteBits = 0x7f800000;

// Returns the greatest magnitude of `values`, as the bits of a float32: the bits have the order of
// the magnitudes, and a NaN is above all. Returns 0 if there are no values.
inline uint32_t GreatestMagnitude(std::span<const float> values) {
  uint32_t greatest = 0;
  for (const float value : values) {
    greatest = std::max(greatest, std::bit_cast<uint32_t>(value) & 0x7fffffffU);
  }
  return greatest;
}

// Does the same for bfloat16.
inline uint32_t GreatestMagnitude(std::span<const uint16_t> values) {
  uint16_t greatest = 0;
  for (const uint16_t value : values) {
    greatest = std::max(greatest, static_cast<uint16_t>(value & 0x7fffU));
  }
  return uint32_t{greatest} << 16;
}

// Returns whether no value is NaN or infinite.
inline bool AllFinite(std::span<const float> values) {
  return GreatestMagnitude(values) < kInfiniteBits;
}

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_FINITE_H_
