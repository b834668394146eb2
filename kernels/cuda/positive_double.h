// Sums and products of double precision in whole numbers, for the few that must have the CPU's
// bits: many devices have hardly any units for doubles.

#ifndef OCTET_KERNELS_CUDA_POSITIVE_DOUBLE_H_
#define OCTET_KERNELS_CUDA_POSITIVE_DOUBLE_H_

#include <cstdint>

#include "kernels/cuda/device.h"

namespace octet::cuda {

// 0, or mantissa * 2^exponent with 2^52 <= mantissa < 2^53. Rounds to nearest even, as IEEE 754
// says; the exponent has no bounds.
struct PositiveDouble {
  uint64_t mantissa = 0;
  int exponent = 0;

  // count * 2^exponent, for a count below 2^53.
  OCTET_DEVICE static PositiveDouble From(uint64_t count, int exponent) {
    if (count == 0) return {};
    const int shift = __clzll(static_cast<long long>(count)) - 11;
    return {count << shift, exponent - shift};
  }

  // A number that is not negative, and finite.
  OCTET_DEVICE static PositiveDouble From(float x) {
    const unsigned bits = __float_as_uint(x);
    const int exponent = static_cast<int>(bits >> 23);
    const unsigned fraction = bits & 0x7FFFFFU;
    return exponent == 0 ? From(uint64_t{fraction}, -149)
                         : From(uint64_t{fraction | 0x800000U}, exponent - 150);
  }

  // bits * 2^exponent, 2^62 <= bits. The last bit stands for all that follow.
  OCTET_DEVICE static PositiveDouble Rounded(uint64_t bits, int exponent) {
    const int dropped = 10 + static_cast<int>(bits >> 63);
    const uint64_t half = uint64_t{1} << (dropped - 1);
    const uint64_t rest = bits & (2 * half - 1);
    uint64_t mantissa = bits >> dropped;
    if (rest > half || (rest == half && mantissa % 2 == 1)) ++mantissa;
    return From(mantissa >> (mantissa >> 53),
                exponent + dropped + static_cast<int>(mantissa >> 53));
  }

  OCTET_DEVICE PositiveDouble operator+(const PositiveDouble& other) const {
    if (mantissa == 0) return other;
    if (other.mantissa == 0) return *this;
    const bool is_greater = exponent >= other.exponent;
    const PositiveDouble& a = is_greater ? *this : other;
    const uint64_t b = (is_greater ? other : *this).mantissa << 10;
    const int shift = a.exponent - (is_greater ? other : *this).exponent;
    const uint64_t shifted = shift < 64 ? b >> shift : 0;
    const bool is_exact = shift < 64 && shifted << shift == b;
    return Rounded(((a.mantissa << 10) + shifted) | (is_exact ? 0 : 1), a.exponent - 10);
  }

  OCTET_DEVICE PositiveDouble operator*(const PositiveDouble& other) const {
    if (mantissa == 0 || other.mantissa == 0) return {};
    const uint64_t a = mantissa << 11;
    const uint64_t b = other.mantissa << 11;
    return Rounded(__umul64hi(a, b) | (a * b == 0 ? 0 : 1), exponent + other.exponent + 42);
  }

  OCTET_DEVICE bool operator<(const PositiveDouble& other) const {
    if (mantissa == 0 || other.mantissa == 0) return mantissa < other.mantissa;
    return exponent != other.exponent ? exponent < other.exponent : mantissa < other.mantissa;
  }
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_POSITIVE_DOUBLE_H_
