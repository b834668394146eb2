#include "kernels/base/weight_format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/base/check.h"

namespace octet {
namespace {

float HalfAt(const std::byte* bytes) {
  uint16_t half = 0;
  std::memcpy(&half, bytes, sizeof(half));
  return HalfToFloat(half);
}

int ByteAt(const std::byte* bytes, int64_t i) { return std::to_integer<int>(bytes[i]); }
int SignedByteAt(const std::byte* bytes, int64_t i) { return (ByteAt(bytes, i) ^ 128) - 128; }

// The 4-bit number of weight i: the low halves of 16 bytes come first, then the high ones.
int NibbleOf(const std::byte* bytes, int i) {
  return i < 16 ? ByteAt(bytes, i) & 15 : ByteAt(bytes, i - 16) >> 4;
}

void SetMin(WeightRun& run, float min, int count) {
  run.min = min;
  run.min_count = count;
}

// Q4_0 and Q4_1: the numbers follow d, or d and m.
WeightRun UnpackQ4(const std::byte* block, bool has_min) {
  WeightRun run = {.q = {}, .scale = HalfAt(block)};
  if (has_min) SetMin(run, HalfAt(block + 2), 1);
  const std::byte* const q = block + (has_min ? 4 : 2);
  for (int i = 0; i < kRunSize; ++i) {
    run.q[i] = static_cast<int8_t>(NibbleOf(q, i) - (has_min ? 0 : 8));
  }
  return run;
}

// Q5_0 and Q5_1: the highest bits of all numbers are 32 bits in front of the others.
WeightRun UnpackQ5(const std::byte* block, bool has_min) {
  WeightRun run = {.q = {}, .scale = HalfAt(block)};
  if (has_min) SetMin(run, HalfAt(block + 2), 1);
  const std::byte* const high = block + (has_min ? 4 : 2);
  uint32_t bits = 0;
  std::memcpy(&bits, high, sizeof(bits));
  for (int i = 0; i < kRunSize; ++i) {
    const int q = NibbleOf(high + 4, i) | static_cast<int>(bits >> i & 1U) << 4;
    run.q[i] = static_cast<int8_t>(q - (has_min ? 0 : 16));
  }
  return run;
}

WeightRun UnpackQ8(const std::byte* block) {
  WeightRun run = {.q = {}, .scale = HalfAt(block)};
  std::memcpy(run.q.data(), block + 2, kRunSize);
  return run;
}

// The s and t of run `run` of a block of Q4_K or Q5_K: 12 bytes hold 6 bits of each of the 8 runs.
struct ScaleAndMin {
  int scale;
  int min;
};
ScaleAndMin UnpackSixBits(const std::byte* bytes, int run) {
  if (run < 4) return {ByteAt(bytes, run) & 63, ByteAt(bytes, run + 4) & 63};
  const int low = ByteAt(bytes, run + 4);
  return {(low & 15) | ByteAt(bytes, run - 4) >> 6 << 4, low >> 4 | ByteAt(bytes, run) >> 6 << 4};
}

// Two runs share 32 bytes, the first of them the low halves.
WeightRun UnpackQ4K(const std::byte* block, int index, bool has_fifth_bit) {
  const std::byte* const fifth = block + 16;
  const std::byte* const q = fifth + (has_fifth_bit ? 32 : 0) + index / 2 * 32;
  const ScaleAndMin six = UnpackSixBits(block + 4, index);
  WeightRun run = {.q = {}, .scale = HalfAt(block), .scale_counts = {six.scale, six.scale}};
  SetMin(run, -HalfAt(block + 2), six.min);
  for (int i = 0; i < kRunSize; ++i) {
    const int low = index % 2 == 0 ? ByteAt(q, i) & 15 : ByteAt(q, i) >> 4;
    const int high = has_fifth_bit ? (ByteAt(fifth, i) >> index & 1) << 4 : 0;
    run.q[i] = static_cast<int8_t>(low | high);
  }
  return run;
}

// Four runs share 64 bytes of low halves and 32 bytes of upper pairs of bits.
WeightRun UnpackQ6K(const std::byte* block, int index) {
  const int part = index % 4;
  const std::byte* const low = block + index / 4 * 64 + part % 2 * 32;
  const std::byte* const high = block + 128 + index / 4 * 32;
  const std::byte* const scales = block + 192;
  WeightRun run = {.q = {}, .scale = HalfAt(block + 208)};
  for (int half = 0; half < 2; ++half) {
    run.scale_counts[half] = SignedByteAt(scales, 2 * index + half);
  }
  for (int i = 0; i < kRunSize; ++i) {
    const int four = part < 2 ? ByteAt(low, i) & 15 : ByteAt(low, i) >> 4;
    const int two = ByteAt(high, i) >> (2 * part) & 3;
    run.q[i] = static_cast<int8_t>((four | two << 4) - 32);
  }
  return run;
}

// The products of the runs of a block of weights with their activations.
int32_t ScaledSum(std::span<const WeightRun> block, const int8_t* a) {
  int32_t sum = 0;
  for (const WeightRun& run : block) {
    for (int i = 0; i < kRunSize; ++i) sum += run.scale_counts[i / 16] * run.q[i] * *a++;
  }
  return sum;
}

// The activations of a block of weights, each as often as its run has the min.
int32_t MinSum(std::span<const WeightRun> block, const int8_t* a) {
  int32_t sum = 0;
  for (const WeightRun& run : block) {
    sum += run.min_count * std::accumulate(a, a + kRunSize, int32_t{0});
    a += kRunSize;
  }
  return sum;
}

}  // namespace

const char* Name(WeightFormat format) {
  constexpr std::array kNames = {"F32",  "BF16", "F16",  "Q4_0", "Q4_1", "Q5_0",
                                 "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"};
  return kNames[static_cast<size_t>(format)];
}

DType ElementType(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return DType::kF32;
    case WeightFormat::kBF16:
      return DType::kBF16;
    case WeightFormat::kF16:
      return DType::kF16;
    default:
      Fatal(__FILE__, __LINE__, "a quantised format has no type of elements");
  }
}

BlockGeometry GeometryOf(WeightFormat format) {
  constexpr std::array<BlockGeometry, 11> kGeometries = {{{1, 4},
                                                          {1, 2},
                                                          {1, 2},
                                                          {32, 18},
                                                          {32, 20},
                                                          {32, 22},
                                                          {32, 24},
                                                          {32, 34},
                                                          {256, 144},
                                                          {256, 176},
                                                          {256, 210}}};
  return kGeometries[static_cast<size_t>(format)];
}

bool HasMins(WeightFormat format) {
  switch (format) {
    case WeightFormat::kQ4_1:
    case WeightFormat::kQ5_1:
    case WeightFormat::kQ4_K:
    case WeightFormat::kQ5_K:
      return true;
    default:
      return false;
  }
}

size_t RowBytes(WeightFormat format, int64_t cols) {
  const BlockGeometry geometry = GeometryOf(format);
  return static_cast<size_t>(cols / geometry.weights) * static_cast<size_t>(geometry.bytes);
}

WeightRun UnpackRun(WeightFormat format, const std::byte* row, int64_t run) {
  const BlockGeometry geometry = GeometryOf(format);
  const int64_t runs_of_block = geometry.weights / kRunSize;
  const std::byte* const block = row + run / runs_of_block * geometry.bytes;
  const auto index = static_cast<int>(run % runs_of_block);
  switch (format) {
    case WeightFormat::kQ4_0:
    case WeightFormat::kQ4_1:
      return UnpackQ4(block, format == WeightFormat::kQ4_1);
    case WeightFormat::kQ5_0:
    case WeightFormat::kQ5_1:
      return UnpackQ5(block, format == WeightFormat::kQ5_1);
    case WeightFormat::kQ8_0:
      return UnpackQ8(block);
    case WeightFormat::kQ4_K:
    case WeightFormat::kQ5_K:
      return UnpackQ4K(block, index, format == WeightFormat::kQ5_K);
    case WeightFormat::kQ6_K:
      return UnpackQ6K(block, index);
    default:
      break;
  }
  Fatal(__FILE__, __LINE__, "no such format of weights");
}

ActivationBlock QuantiseBlock(std::span<const float> x) {
  constexpr float kLeast = 0x1p-110F;  // so that its inverse is finite
  constexpr float kMost = 127;
  OCTET_CHECK(x.size() <= kActivationBlock);
  float greatest = 0;
  bool is_finite = true;
  for (const float value : x) {
    is_finite = is_finite && std::isfinite(value);
    greatest = std::max(greatest, std::abs(value));
  }
  ActivationBlock block = {};
  if (!is_finite) {
    block.scale = std::numeric_limits<float>::quiet_NaN();
    return block;
  }
  if (greatest < kLeast) return block;
  block.scale = greatest / kMost;
  const float inverse = kMost / greatest;
  for (size_t i = 0; i < x.size(); ++i) {
    block.q[i] = static_cast<int8_t>(std::nearbyint(x[i] * inverse));
  }
  return block;
}

float ReferenceDot(WeightFormat format, const std::byte* row, std::span<const float> x) {
  OCTET_CHECK_EQ(x.size() % GeometryOf(format).weights, 0U);
  float y = 0;
  for (size_t first = 0; first < x.size(); first += kActivationBlock) {
    const size_t count = std::min<size_t>(kActivationBlock, x.size() - first);
    const ActivationBlock a = QuantiseBlock(x.subspan(first, count));
    std::vector<WeightRun> runs;
    for (size_t r = 0; r < count / kRunSize; ++r) {
      runs.push_back(UnpackRun(format, row, static_cast<int64_t>(first / kRunSize + r)));
    }
    const size_t runs_of_block = GeometryOf(format).weights / kRunSize;
    const auto add = [&](float t, float WeightRun::*factor, auto sum_of) {
      for (size_t r = 0; r < runs.size(); r += runs_of_block) {
        const int32_t sum = sum_of(std::span(runs).subspan(r, runs_of_block), a.q + r * kRunSize);
        t = std::fma(runs[r].*factor, static_cast<float>(sum), t);
      }
      return t;
    };
    float t = add(0, &WeightRun::scale, ScaledSum);
    if (HasMins(format)) t = add(t, &WeightRun::min, MinSum);
    y = std::fma(a.scale, t, y);
  }
  return y;
}

}  // namespace octet
