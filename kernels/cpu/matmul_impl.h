// y = x W^T on packed weights, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_MATMUL_IMPL_H_
#define OCTET_KERNELS_CPU_MATMUL_IMPL_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/cpu_kernels.h"

namespace octet {

// How one path multiplies float32: a step is one input.
template <class S>
struct F32Dot {
  using Vec = typename S::Vec;
  static constexpr int kRows = S::kF32Rows, kPanels = S::kF32Panels;
  static constexpr int kInputsPerStep = 1, kInputBytes = 4;

  static Vec LoadWeights(const std::byte* p) { return S::Load(reinterpret_cast<const float*>(p)); }
  static Vec LoadInput(const std::byte* p) { return S::Set1(*reinterpret_cast<const float*>(p)); }
  static Vec LoadLastInput(const std::byte* p) { return LoadInput(p); }
  static Vec Dot(Vec acc, Vec w, Vec x) { return S::Fma(w, x, acc); }
};

// How one path multiplies bfloat16: a step is a pair of inputs.
template <class S>
struct Bf16Dot {
  using Vec = typename S::Vec;
  using Pairs = typename S::Pairs;
  static constexpr int kRows = S::kBf16Rows, kPanels = S::kBf16Panels;
  static constexpr int kInputsPerStep = 2, kInputBytes = 2;

  static Pairs LoadWeights(const std::byte* p) { return S::LoadPairs(p); }
  static Pairs LoadInput(const std::byte* p) {
    uint32_t pair;
    std::memcpy(&pair, p, sizeof(pair));
    return S::Set1Pairs(pair);
  }
  // The last input of an odd number stands alone.
  static Pairs LoadLastInput(const std::byte* p) {
    uint16_t even;
    std::memcpy(&even, p, sizeof(even));
    return S::Set1Pairs(even);
  }
  static Vec Dot(Vec acc, Pairs w, Pairs x) { return S::DotPairs(acc, w, x); }
};

// One chunk of inputs: pointers to its first input in row 0 of x and to its first vector in panel
// 0.
struct MatmulChunk {
  const std::byte* x;
  size_t x_stride;  // bytes
  const std::byte* w;
  size_t panel_stride;  // bytes
  int64_t inputs;
  bool first;  // chunk of its outputs: store, do not add
  float* y;
  int64_t y_stride;  // floats
  int last_cols;     // outputs of the last panel that exist
};

// kRows rows of x by kPanels panels, all in registers. Each output is its own chain of fused
// multiply-adds: neither the number of rows nor the number of panels changes a bit of it.
template <class S, class D, int kRows, int kPanels>
void MatmulTile(const MatmulChunk& c) {
  using Vec = typename S::Vec;
  Vec acc[kRows][kPanels];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) acc[r][p] = S::Zero();
  }
  const auto step = [&](int64_t s, auto load_input) {
    decltype(D::LoadWeights(c.w)) w[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) w[p] = D::LoadWeights(c.w + p * c.panel_stride + s * 64);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto x = load_input(c.x + r * c.x_stride + s * D::kInputsPerStep * D::kInputBytes);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) acc[r][p] = D::Dot(acc[r][p], w[p], x);
    }
  };
  const int64_t whole_steps = c.inputs / D::kInputsPerStep;
  for (int64_t s = 0; s < whole_steps; ++s) step(s, D::LoadInput);
  if (c.inputs % D::kInputsPerStep != 0) step(whole_steps, D::LoadLastInput);

#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      float* y = c.y + r * c.y_stride + p * 16;
      const int cols = p + 1 == kPanels ? c.last_cols : 16;
      if (cols == 16) {
        S::Store(y, c.first ? acc[r][p] : S::Add(S::Load(y), acc[r][p]));
      } else {
        S::Store(y, c.first ? acc[r][p] : S::Add(S::Load(y, cols), acc[r][p]), cols);
      }
    }
  }
}

template <class S, class D, int kPanels, int kRows>
void MatmulRows(const MatmulChunk& c, int64_t rows) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return MatmulTile<S, D, kRows, kPanels>(c);
    return MatmulRows<S, D, kPanels, kRows - 1>(c, rows);
  }
}

// All rows of a block by one group of at most kPanels panels.
template <class S, class D, int kPanels>
void MatmulGroup(MatmulChunk c, int64_t rows, int64_t panels) {
  if constexpr (kPanels > 0) {
    if (panels < kPanels) return MatmulGroup<S, D, kPanels - 1>(c, rows, panels);
    for (int64_t r = 0; r < rows; r += D::kRows) {
      const int64_t tile = rows - r < D::kRows ? rows - r : int64_t{D::kRows};
      MatmulRows<S, D, kPanels, D::kRows>(c, tile);
      c.x += c.x_stride * D::kRows;
      c.y += c.y_stride * D::kRows;
    }
  }
}

// For each block of rows and chunk of inputs that fit L2 together, all panels: weights are read
// once per block.
template <class S, class D>
void MatmulTyped(const MatmulArgs& a) {
  constexpr int64_t kBlockRows = 512;
  constexpr int64_t kChunkBytes = kChunk / D::kInputsPerStep * 64;
  for (int64_t row = 0; row < a.rows; row += kBlockRows) {
    const int64_t rows = a.rows - row < kBlockRows ? a.rows - row : kBlockRows;
    for (int64_t k = 0; k < a.inputs; k += kChunk) {
      for (int64_t panel = a.first_panel; panel < a.last_panel; panel += D::kPanels) {
        const int64_t left = a.last_panel - panel;
        const int64_t panels = left < D::kPanels ? left : int64_t{D::kPanels};
        const int64_t end = (panel + panels) * 16;
        MatmulGroup<S, D, D::kPanels>(
            {.x = a.x + row * a.x_stride + k * D::kInputBytes,
             .x_stride = a.x_stride,
             .w = a.panels + panel * a.panel_bytes + k / kChunk * kChunkBytes,
             .panel_stride = a.panel_bytes,
             .inputs = a.inputs - k < kChunk ? a.inputs - k : kChunk,
             .first = k == 0,
             .y = a.y + row * a.y_stride + panel * 16,
             .y_stride = a.y_stride,
             .last_cols = static_cast<int>(end > a.outputs ? a.outputs - (end - 16) : 16)},
            rows, panels);
      }
    }
  }
}

template <class S>
void MatmulImpl(const MatmulArgs& args) {
  if (args.dtype == DType::kBF16) {
    MatmulTyped<S, Bf16Dot<S>>(args);
  } else {
    MatmulTyped<S, F32Dot<S>>(args);
  }
}

// As many independent chains as MatmulTile has.
template <class S, class D>
double DotProductLoop(int64_t rounds) {
  constexpr int kChains = D::kRows * D::kPanels;
  alignas(64) static const std::byte kZeros[64] = {};
  // Unknown to the compiler, so that it multiplies, and each chain by itself.
  const std::byte* volatile zeros = kZeros;
  volatile float start = 0;
  const auto w = D::LoadWeights(zeros);
  const auto x = D::LoadInput(zeros);
  typename S::Vec acc[kChains];
#pragma GCC unroll 24
  for (auto& a : acc) a = S::Set1(start);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (auto& a : acc) a = D::Dot(a, w, x);
  }
  float sum = 0;
  for (auto& a : acc) sum += S::Sum(a);
  return 2.0 * kChains * 16 * D::kInputsPerStep * static_cast<double>(rounds) + sum;
}

template <class S>
double DotProductLoopImpl(DType dtype, int64_t rounds) {
  return dtype == DType::kBF16 ? DotProductLoop<S, Bf16Dot<S>>(rounds)
                               : DotProductLoop<S, F32Dot<S>>(rounds);
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_MATMUL_IMPL_H_
