// Types of numbers in weights, activations and the KV cache.

#ifndef OCTET_KERNELS_BASE_DTYPE_H_
#define OCTET_KERNELS_BASE_DTYPE_H_

#include <bit>
#include <cstddef>
#include <cstdint>

namespace octet {

enum class DType : uint8_t {
  kF32,
  kBF16,
  kF16,
  kInt8Blocks,  // a row is ActivationBlocks
};

// Consecutive activations of a row that share a scale when they are rounded to 8 bits. Blocks begin
// at multiples of it; the last one of a row may be shorter.
inline constexpr int kActivationBlock = 256;

// A block of activations, rounded to 8 bits: activation i is scale * q[i].
struct ActivationBlock {
  int8_t q[kActivationBlock];  // from -127 to 127; zeros behind the end of the row
  float scale;                 // the greatest magnitude / 127; NaN if one is not finite
};

// Returns the bytes of one number, which has a place of its own unless numbers are in blocks.
constexpr size_t SizeOf(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

// Returns the bytes of `cols` consecutive numbers of a row.
constexpr size_t RowBytes(DType dtype, int64_t cols) {
  if (dtype != DType::kInt8Blocks) return static_cast<size_t>(cols) * SizeOf(dtype);
  return static_cast<size_t>(cols + kActivationBlock - 1) / kActivationBlock *
         sizeof(ActivationBlock);
}

constexpr const char* Name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float32";
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    case DType::kInt8Blocks:
      return "int8";
  }
  return "?";
}

// The upper half of a float32: a sign, 8 bits of exponent, 7 bits of fraction.
struct BF16 {
  uint16_t bits;
};

constexpr float ToFloat(BF16 x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16);
}

// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
constexpr BF16 ToBF16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return {static_cast<uint16_t>((bits >> 16) | 0x40U)};
  return {static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16)};
}

// Converts the stored bits of an IEEE 754 binary16. The result is exact.
constexpr float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fU;
  const uint32_t fraction = half & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
  return sign != 0 ? -magnitude : magnitude;
}

// Returns the number at an address that suits its type. The result is exact.
inline float ReadFloat(const std::byte* at, DType dtype) {
  if (dtype == DType::kF32) return *reinterpret_cast<const float*>(at);
  const uint16_t bits = *reinterpret_cast<const uint16_t*>(at);
  return dtype == DType::kBF16 ? ToFloat(BF16{bits}) : HalfToFloat(bits);
}

// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
constexpr uint16_t FloatToHalf(float x) {
  constexpr uint32_t kLeastNormal = 0x38800000U;  // 2^-14
  constexpr uint32_t kTooBig = 0x477ff000U;       // rounds to 2^16
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000U;
  const uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<uint16_t>(sign | 0x7e00U);
  if (magnitude >= kTooBig) return static_cast<uint16_t>(sign | 0x7c00U);
  if (magnitude < kLeastNormal) {
    // Adding 0.5 leaves a multiple of 2^-24 in the low bits.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000U));
  }
  const uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_DTYPE_H_
