// Products of packed rows and packed weights, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_MATMUL_IMPL_H_
#define OCTET_KERNELS_CPU_MATMUL_IMPL_H_

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/row_tiles.h"
#include "kernels/cpu/vector_multiplier.h"

namespace octet {

// Returns the number of panels that a tile of this height takes at a time, at most `left`: a power
// of two.
template <class D>
int64_t PanelsAtATime(int64_t height, int64_t left) {
  int panels = kMaxPanels;
  while (panels > 1 && (D::Rows(panels) < height || panels > left)) panels /= 2;
  return panels;
}

// The part of a product that one thread computes: tiles [first_tile, last_tile) by panels
// [first_panel, last_panel).
template <class S, class D>
class Product {
 public:
  explicit Product(const MatmulArgs& a)
      : a_(a),
        tiles_(a.rows),
        row_bytes_(RowBytes<D>(a.inputs)),
        panels_(a.last_panel - a.first_panel) {}

  void Run(int64_t first_tile, int64_t last_tile) {
    first_tile_ = first_tile;
    last_tile_ = last_tile;
    const int64_t rows = tiles_.FirstRow(last_tile) - tiles_.FirstRow(first_tile);
    // A chunk of x stays in the L2 cache while panels change, or all of x stays there.
    const bool by_chunk = static_cast<size_t>(rows) * row_bytes_ > a_.l2_bytes / 4;
    Block b = {.k = 0, .panel = 0, .panels = Width(0)};
    while (b.panels > 0) {
      const Block next = by_chunk ? NextByChunk(b) : NextByPanel(b);
      RunBlock(b, next);
      b = next;
    }
    multiplier_.Finish();
  }

  // [rows of the tile][16] of one panel
  float* Sums(int64_t t, int64_t panel) const {
    const int64_t row = tiles_.FirstRow(t) - tiles_.FirstRow(first_tile_);
    return a_.sums + (row * panels_ + panel * tiles_.Height(t)) * 16;
  }

 private:
  static constexpr int64_t kElementBytes = sizeof(typename D::Element);
  static constexpr size_t kChunkBytes = kChunk / D::kInputsPerStep * 64;

  // A chunk of inputs, and the panels by which it is multiplied at a time.
  struct Block {
    int64_t k;
    int64_t panel;
    int64_t panels;  // 0 at the end
  };

  int64_t Width(int64_t panel) const {
    return panel < panels_ ? PanelsAtATime<D>(tiles_.Height(first_tile_), panels_ - panel) : 0;
  }
  Block NextByChunk(const Block& b) const {
    if (b.panel + b.panels < panels_) return {b.k, b.panel + b.panels, Width(b.panel + b.panels)};
    if (b.k + kChunk < a_.inputs) return {b.k + kChunk, 0, Width(0)};
    return {};
  }
  Block NextByPanel(const Block& b) const {
    if (b.k + kChunk < a_.inputs) return {b.k + kChunk, b.panel, b.panels};
    return {0, b.panel + b.panels, Width(b.panel + b.panels)};
  }

  const std::byte* Weights(const Block& b) const {
    return a_.panels + (a_.first_panel + b.panel) * a_.panel_bytes + b.k / kChunk * kChunkBytes;
  }

  void RunBlock(const Block& b, const Block& next) {
    const int64_t inputs = a_.inputs - b.k < kChunk ? a_.inputs - b.k : kChunk;
    const int64_t steps = (inputs + D::kInputsPerStep - 1) / D::kInputsPerStep;
    const std::byte* w = Weights(b);
    const std::byte* w_next = next.panels > 0 ? Weights(next) : nullptr;
    const int64_t count = last_tile_ - first_tile_;
    for (int64_t t = first_tile_; t < last_tile_; ++t) {
      const int64_t i = t - first_tile_;
      const int64_t height = tiles_.Height(t);
      const int64_t row = tiles_.FirstRow(t);
      const int64_t from = steps * i / count;
      const int64_t to = steps * (i + 1) / count;
      multiplier_.Multiply({.x = a_.x + row * row_bytes_ + b.k * height * kElementBytes,
                            .w = w,
                            .panel_bytes = a_.panel_bytes,
                            .steps = steps,
                            .first = b.k == 0,
                            .sums = Sums(t, b.panel),
                            .next = w_next == nullptr ? nullptr : w_next + from * 64,
                            .next_steps = w_next == nullptr ? 0 : to - from},
                           height, b.panels);
    }
  }

  const MatmulArgs& a_;
  const Tiles<D> tiles_;
  const size_t row_bytes_;
  const int64_t panels_;
  typename D::Multiplier multiplier_;
  int64_t first_tile_ = 0;
  int64_t last_tile_ = 0;
};

template <class S, class T, class P>
void StoreSums(const MatmulArgs& a, const T& tiles, const P& product, int64_t t) {
  for (int64_t p = a.first_panel; p < a.last_panel; ++p) {
    const float* sums = product.Sums(t, p - a.first_panel);
    const int64_t left = a.outputs - p * 16;
    for (int64_t r = 0; r < tiles.Height(t); ++r) {
      float* y = a.y + (tiles.FirstRow(t) + r) * a.y_stride + p * 16;
      const auto v = S::Load(sums + r * 16);
      if (left >= 16) {
        S::Store(y, v);
      } else {
        S::Store(y, v, static_cast<int>(left));
      }
    }
  }
}

// Rounds 16 values of row `row` of a tile, as inputs [first, first + 16) of packed rows of `inputs`
// inputs.
template <class D>
void PackVector(const float* values, int64_t first, int64_t inputs, int64_t row, int64_t height,
                typename D::Element* tile) {
  constexpr int64_t kUnit = D::kInputsPerUnit;
  constexpr int64_t kAtATime = kUnit < 16 ? kUnit : 16;
  typename D::Element rounded[16];
  for (int i = 0; i < 16; ++i) rounded[i] = D::Round(values[i]);
  const int64_t left = PaddedInputs<D>(inputs) - first;
  const int64_t n = left < 16 ? left : 16;
  for (int64_t i = 0; i < n; i += kAtATime) {
    const int64_t k = first + i;
    const int64_t within = kUnit > kAtATime ? k % kUnit : 0;
    std::memcpy(tile + (k / kUnit * height + row) * kUnit + within, rounded + i,
                kAtATime * sizeof(typename D::Element));
  }
}

// Stores the outputs of alternate gate and up panels as packed rows of silu(gate) * up.
template <class S, class D>
void StoreSwiGlu(const MatmulArgs& a, const Tiles<D>& tiles, const Product<S, D>& product,
                 int64_t t) {
  const int64_t height = tiles.Height(t);
  auto* tile =
      reinterpret_cast<typename D::Element*>(a.swiglu + tiles.FirstRow(t) * RowBytes<D>(a.outputs));
  for (int64_t p = a.first_panel; p < a.last_panel; p += 2) {
    const float* gate = product.Sums(t, p - a.first_panel);
    const float* up = gate + height * 16;
    const int64_t first = p / 2 * 16;
    const bool last = first < a.outputs && a.outputs <= first + 16;
    for (int64_t r = 0; r < height; ++r) {
      alignas(64) float y[16];
      S::Store(y, SwiGlu<S>(S::Load(gate + r * 16), S::Load(up + r * 16)));
      PackVector<D>(y, first, a.outputs, r, height, tile);
      if (D::kInputsPerUnit > 16 && last) {  // the weight may have no panel that fills the unit up
        constexpr float kZeros[16] = {};
        PackVector<D>(kZeros, first + 16, a.outputs, r, height, tile);
      }
    }
  }
}

template <class S, class D>
void MatmulTyped(const MatmulArgs& a) {
  const Tiles<D> tiles(a.rows);
  Product<S, D> product(a);
  // The number of tiles for whose sums there is room.
  static_assert(kTileRows<D> <= kMaxTileRows);
  const int64_t at_a_time = a.sum_rows / kTileRows<D>;
  for (int64_t first = a.first_tile; first < a.last_tile; first += at_a_time) {
    const int64_t last = first + at_a_time < a.last_tile ? first + at_a_time : a.last_tile;
    product.Run(first, last);
    for (int64_t t = first; t < last; ++t) {
      if (a.swiglu != nullptr) {
        StoreSwiGlu<S, D>(a, tiles, product, t);
      } else {
        StoreSums<S>(a, tiles, product, t);
      }
    }
  }
}

// Packs one row into its place in its tile.
template <class D, class From>
void PackRow(const From* x, int64_t inputs, int64_t height, typename D::Element* out) {
  constexpr int kUnit = D::kInputsPerUnit;
  const auto element = [](From v) -> typename D::Element {
    if constexpr (std::is_same_v<From, typename D::Element>)
      return v;
    else
      return D::Round(v);
  };
  int64_t k = 0;
  for (; k + kUnit <= inputs; k += kUnit) {
    typename D::Element unit[kUnit];
    for (int i = 0; i < kUnit; ++i) unit[i] = element(x[k + i]);
    std::memcpy(out + k * height, unit, sizeof(unit));
  }
  if (k < inputs) {
    typename D::Element unit[kUnit] = {};
    for (int i = 0; k + i < inputs; ++i) unit[i] = element(x[k + i]);
    std::memcpy(out + k * height, unit, sizeof(unit));
  }
}

template <class D>
void PackRowsTyped(const PackRowsArgs& a) {
  const Tiles<D> tiles(a.rows);
  auto* tile = reinterpret_cast<typename D::Element*>(a.packed + tiles.FirstRow(a.tile) *
                                                                     RowBytes<D>(a.inputs));
  for (int64_t r = 0; r < tiles.Height(a.tile); ++r) {
    const int64_t row = tiles.FirstRow(a.tile) + r;
    const std::byte* x = a.x + (a.indices == nullptr ? row : a.indices[row]) * a.x_stride;
    auto* out = tile + r * D::kInputsPerUnit;
    if (a.from == DType::kF32) {
      PackRow<D>(reinterpret_cast<const float*>(x), a.inputs, tiles.Height(a.tile), out);
    } else if constexpr (std::is_same_v<typename D::Element, uint16_t>) {
      PackRow<D>(reinterpret_cast<const uint16_t*>(x), a.inputs, tiles.Height(a.tile), out);
    }
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_MATMUL_IMPL_H_
