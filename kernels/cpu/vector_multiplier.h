// Products of one tile on vector registers, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_VECTOR_MULTIPLIER_H_
#define OCTET_KERNELS_CPU_VECTOR_MULTIPLIER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace octet {

template <class S, class D>
class VectorMultiplier;

// The multiplication of float32 on one path. A step is one input.
template <class S>
struct F32Dot {
  using Vec = typename S::Vec;
  using Element = float;
  using Multiplier = VectorMultiplier<S, F32Dot>;
  static constexpr int kInputsPerStep = 1;  // in one vector of weights
  static constexpr int kInputsPerUnit = 1;  // that lie together in packed rows
  static constexpr int kRowQuantum = 1;     // tiles have a multiple of it, except the last

  static constexpr int Rows(int panels) { return S::F32Rows(panels); }
  static Vec LoadWeights(const std::byte* p) { return S::Load(reinterpret_cast<const float*>(p)); }
  static Vec LoadInput(const std::byte* p) { return S::Set1(*reinterpret_cast<const float*>(p)); }
  static Vec Dot(Vec acc, Vec w, Vec x) { return S::Fma(w, x, acc); }
  static float Round(float x) { return x; }
};

// The multiplication of bfloat16 on one path. A step is a pair of inputs.
template <class S>
struct Bf16Dot {
  using Vec = typename S::Vec;
  using Pairs = typename S::Pairs;
  using Element = uint16_t;
  using Multiplier = VectorMultiplier<S, Bf16Dot>;
  static constexpr int kInputsPerStep = 2;
  static constexpr int kInputsPerUnit = 2;
  static constexpr int kRowQuantum = 1;

  static constexpr int Rows(int panels) { return S::Bf16Rows(panels); }
  static Pairs LoadWeights(const std::byte* p) { return S::LoadPairs(p); }
  static Pairs LoadInput(const std::byte* p) {
    uint32_t pair;
    std::memcpy(&pair, p, sizeof(pair));
    return S::Set1Pairs(pair);
  }
  static Vec Dot(Vec acc, Pairs w, Pairs x) { return S::DotPairs(acc, w, x); }
  // Rounds as ToBF16 (kernels/base/dtype.h), which belongs to all paths.
  static uint16_t Round(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    const bool nan = (bits & 0x7fffffffU) > 0x7f800000U;
    const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    return static_cast<uint16_t>(nan ? (bits >> 16) | 0x40U : rounded);
  }
};

inline constexpr int kMaxPanels = 8;  // of a tile

// A chunk of inputs of one tile of rows, by some panels.
struct TileChunk {
  const std::byte* x;  // [units][rows of the tile]
  const std::byte* w;  // panel 0; [steps][64 bytes]
  size_t panel_bytes;  // from panel to panel
  int64_t steps;
  bool first;             // the first chunk of its outputs: store, do not add
  float* sums;            // [panels][rows][16]
  const std::byte* next;  // where to prefetch in panel 0, for next_steps steps
  int64_t next_steps;
};

// Multiplies kRows rows of x by kPanels panels, all in registers. Each output is its own chain of
// fused multiply-adds: neither the number of rows nor the number of panels changes a bit of it.
template <class S, class D, int kRows, int kPanels>
void MultiplyTile(const TileChunk& c) {
  using Vec = typename S::Vec;
  Vec acc[kRows][kPanels];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) acc[r][p] = S::Zero();
  }
  const auto step = [&](int64_t s) __attribute__((always_inline)) {
    decltype(D::LoadWeights(c.w)) w[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) w[p] = D::LoadWeights(c.w + p * c.panel_bytes + s * 64);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const auto x = D::LoadInput(c.x + (s * kRows + r) * 4);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) acc[r][p] = D::Dot(acc[r][p], w[p], x);
    }
  };
  int64_t s = 0;
  for (; s < c.next_steps; ++s) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) __builtin_prefetch(c.next + p * c.panel_bytes + s * 64, 0, 2);
    step(s);
  }
  for (; s < c.steps; ++s) step(s);

#pragma GCC unroll 8
  for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* sums = c.sums + (p * kRows + r) * 16;
      S::Store(sums, c.first ? acc[r][p] : S::Add(S::Load(sums), acc[r][p]));
    }
  }
}

template <class S, class D, int kPanels, int kRows = D::Rows(kPanels)>
void MultiplyRows(const TileChunk& c, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return MultiplyTile<S, D, kRows, kPanels>(c);
    return MultiplyRows<S, D, kPanels, kRows - 1>(c, rows);
  }
}

template <class S, class D, int kPanels = kMaxPanels>
void MultiplyPanels(const TileChunk& c, int64_t rows, int64_t panels) {
  if constexpr (kPanels > 0) {
    if (panels == kPanels) return MultiplyRows<S, D, kPanels>(c, rows);
    return MultiplyPanels<S, D, kPanels / 2>(c, rows, panels);
  }
}

// Runs as many independent chains as MultiplyTile has.
template <class S, class D>
double VectorDotProductLoop(int64_t rounds) {
  constexpr int kPanels = D::Rows(2) == D::Rows(1) ? 2 : 1;
  constexpr int kChains = D::Rows(kPanels) * kPanels;
  alignas(64) static const std::byte kZeros[64] = {};
  // The compiler does not know these values, so it must multiply, and each chain by itself.
  const std::byte* volatile zeros = kZeros;
  volatile float start = 0;
  const auto w = D::LoadWeights(zeros);
  const auto x = D::LoadInput(zeros);
  typename S::Vec acc[kChains];
#pragma GCC unroll 28
  for (auto& a : acc) a = S::Set1(start);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 28
    for (auto& a : acc) a = D::Dot(a, w, x);
  }
  float sum = 0;
  for (auto& a : acc) sum += S::Sum(a);
  return 2.0 * kChains * 16 * D::kInputsPerStep * static_cast<double>(rounds) + sum;
}

// The multiplication on vector registers of a chunk of up to kTileRows<D> rows by as many panels as
// PanelsAtATime allows.
template <class S, class D>
class VectorMultiplier {
 public:
  // The sums of the chunk are complete when Finish returns.
  void Multiply(const TileChunk& c, int64_t rows, int64_t panels) {
    MultiplyPanels<S, D>(c, rows, panels);
  }
  void Finish() {}
  static double DotProductLoop(int64_t rounds) { return VectorDotProductLoop<S, D>(rounds); }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_VECTOR_MULTIPLIER_H_
