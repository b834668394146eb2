// Formats of weights, and the definition of products with those in blocks that share scales.

#ifndef OCTET_KERNELS_BASE_WEIGHT_FORMAT_H_
#define OCTET_KERNELS_BASE_WEIGHT_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/base/dtype.h"

namespace octet {

// The formats of weights in files and in memory. The first three have one number in a block of its
// own. The others are those of ggml (ggml-common.h of llama.cpp) in which files of Mixtral are
// common: a row is divided into blocks. Below, d and m are float16 numbers of a block, q is an
// unsigned number of as many bits as the name says, and weights are computed in float32, each
// operation rounded.
//
//   Q4_0  d (q - 8)            Q4_1  d q + m
//   Q5_0  d (q - 16)           Q5_1  d q + m
//   Q8_0  d q, q signed
//   Q4_K, Q5_K  (d s) q - (m t); s and t are 6-bit numbers of each 32 weights
//   Q6_K  (d s) (q - 32); s is a signed 8-bit number of each 16 weights
enum class WeightFormat : uint8_t {
  kF32,
  kBF16,
  kF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K
};

inline constexpr std::array kWeightFormats = {
    WeightFormat::kF32,  WeightFormat::kBF16, WeightFormat::kF16,  WeightFormat::kQ4_0,
    WeightFormat::kQ4_1, WeightFormat::kQ5_0, WeightFormat::kQ5_1, WeightFormat::kQ8_0,
    WeightFormat::kQ4_K, WeightFormat::kQ5_K, WeightFormat::kQ6_K};

inline constexpr std::array kQuantisedFormats = {
    WeightFormat::kQ4_0, WeightFormat::kQ4_1, WeightFormat::kQ5_0, WeightFormat::kQ5_1,
    WeightFormat::kQ8_0, WeightFormat::kQ4_K, WeightFormat::kQ5_K, WeightFormat::kQ6_K};

const char* Name(WeightFormat format);

constexpr bool IsQuantised(WeightFormat format) { return format >= WeightFormat::kQ4_0; }

constexpr WeightFormat FormatOf(DType dtype) {
  return dtype == DType::kF32    ? WeightFormat::kF32
         : dtype == DType::kBF16 ? WeightFormat::kBF16
                                 : WeightFormat::kF16;
}

// Returns whether a number is added to each weight of a run.
bool HasMins(WeightFormat format);

// Returns the type of the numbers of a format that is not quantised.
DType ElementType(WeightFormat format);

struct BlockGeometry {
  int weights;
  int bytes;
};
BlockGeometry GeometryOf(WeightFormat format);

// Returns the bytes of a row of `cols` weights, which are whole blocks.
size_t RowBytes(WeightFormat format, int64_t cols);

// Consecutive weights of a row whose products with activations are added as integers. Quantised
// formats have blocks of whole runs.
inline constexpr int kRunSize = 32;

// A run of weights. Weight i is scale * scale_counts[i / 16] * q[i] + min * min_count.
struct WeightRun {
  std::array<int8_t, kRunSize> q;
  float scale;                               // d
  std::array<int, 2> scale_counts = {1, 1};  // s of Q4_K, Q5_K and Q6_K
  float min = 0;                             // m, or -m of a block of Q4_K or Q5_K; otherwise 0
  int min_count = 0;                         // 1, or t of Q4_K or Q5_K; otherwise 0

  float weight(int i) const {
    const float run_scale = scale * static_cast<float>(scale_counts[i / 16]);
    return run_scale * static_cast<float>(q[i]) + min * static_cast<float>(min_count);
  }
};

// Returns run number `run` of a row whose blocks begin at `row`.
WeightRun UnpackRun(WeightFormat format, const std::byte* row, int64_t run);

inline constexpr int kRunsOfBlock = kActivationBlock / kRunSize;

// Rounds to nearest, ties to even. Blocks without a magnitude of 2^-110 or more become zeros. x: at
// most kActivationBlock activations.
ActivationBlock QuantiseBlock(std::span<const float> x);

// The definition of products with quantised weights: the sum over blocks of activations, in
// ascending order, of
//
//   y = fma(a.scale, t, y)
//
// where t is a sum over the blocks of weights of these activations. First, in ascending order,
//
//   t = fma(scale, sum over runs of scale_count * (q · a.q), t)
//
// (for Q6_K, over halves of runs), and then, in formats with mins,
//
//   t = fma(min, sum over runs of min_count * (sum of a.q), t)
//
// The sums of integers are exact in 32 bits, and are rounded to float32 once. x: as many
// activations as the row has weights. Kernels give the same bits.
float ReferenceDot(WeightFormat format, const std::byte* row, std::span<const float> x);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_WEIGHT_FORMAT_H_
