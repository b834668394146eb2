// Formats of weights in blocks that share scales.

#ifndef OCTET_KERNELS_BASE_WEIGHT_FORMAT_H_
#define OCTET_KERNELS_BASE_WEIGHT_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace octet {

// The formats of ggml (ggml-common.h of llama.cpp) in which files of Mixtral are common. A row is
// divided into blocks. Below, d and m are float16 numbers of a block, q is an unsigned number of as
// many bits as the name says, and weights are computed in float32, each operation rounded.
//
//   Q4_0  d (q - 8)            Q4_1  d q + m
//   Q5_0  d (q - 16)           Q5_1  d q + m
//   Q8_0  d q, q signed
//   Q4_K, Q5_K  (d s) q - (m t); s and t are 6-bit numbers of each 32 weights
//   Q6_K  (d s) (q - 32); s is a signed 8-bit number of each 16 weights
enum class WeightFormat : uint8_t { kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ5_K, kQ6_K };

inline constexpr std::array kWeightFormats = {
    WeightFormat::kQ4_0, WeightFormat::kQ4_1, WeightFormat::kQ5_0, WeightFormat::kQ5_1,
    WeightFormat::kQ8_0, WeightFormat::kQ4_K, WeightFormat::kQ5_K, WeightFormat::kQ6_K};

const char* Name(WeightFormat format);

struct BlockGeometry {
  int weights;
  int bytes;
};
BlockGeometry GeometryOf(WeightFormat format);

// Consecutive numbers of a row that are multiplied together. All formats have blocks of whole runs.
inline constexpr int kRunSize = 32;

// A run of weights: weight i is scales[i / 16] * q[i] + min.
struct WeightRun {
  std::array<int8_t, kRunSize> q;
  std::array<float, 2> scales;  // the same unless the format is Q6_K
  float min = 0;                // not 0 for Q4_1, Q5_1, Q4_K, Q5_K only

  float weight(int i) const { return scales[i / 16] * static_cast<float>(q[i]) + min; }
};

// Returns run number `run` of a row whose blocks begin at `row`.
WeightRun UnpackRun(WeightFormat format, const std::byte* row, int64_t run);

// A run of activations, rounded to 8 bits: activation i is scale * q[i].
struct ActivationRun {
  std::array<int8_t, kRunSize> q;  // from -127 to 127
  float scale;                     // the greatest magnitude / 127; NaN if one is not finite
  int32_t sum;                     // of q
};

// Rounds to nearest, ties to even. Runs without a magnitude of 2^-110 or more become zeros.
ActivationRun QuantiseRun(std::span<const float, kRunSize> x);

// The definition of products with such weights: the sum over runs, in ascending order, of
//
//   y = fma(a.scale, t, y),  t = scales[0] * (q · a.q)                             Q4_0, Q5_0, Q8_0
//                            t = fma(scales[0], q · a.q, min * a.sum)              with a min
//                            t = fma(scales[0], (q · a.q)[0, 16), scales[1] * (q · a.q)[16, 32))
//                            Q6_K
//
// The dot products of integers are exact, also as float32. x: as many activations as the row has
// weights. Kernels give the same bits.
float ReferenceDot(WeightFormat format, const std::byte* row, std::span<const float> x);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_WEIGHT_FORMAT_H_
