// Products of packed rows and packed weights, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_MATMUL_IMPL_H_
#define OCTET_KERNELS_CPU_MATMUL_IMPL_H_

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"

namespace octet {

template <class S, class D>
class VectorMultiplier;

// How one path multiplies float32: a step is one input.
template <class S>
struct F32Dot {
  using Vec = typename S::Vec;
  using Element = float;
  using Multiplier = VectorMultiplier<S, F32Dot>;
  static constexpr int kInputsPerStep = 1;  // in one vector of weights
  static constexpr int kInputsPerUnit = 1;  // that lie together in packed rows
  static constexpr int kRowQuantum = 1;     // a tile has a multiple of it, but the last

  static constexpr int Rows(int panels) { return S::F32Rows(panels); }
  static Vec LoadWeights(const std::byte* p) { return S::Load(reinterpret_cast<const float*>(p)); }
  static Vec LoadInput(const std::byte* p) { return S::Set1(*reinterpret_cast<const float*>(p)); }
  static Vec Dot(Vec acc, Vec w, Vec x) { return S::Fma(w, x, acc); }
  static float Round(float x) { return x; }
};

// How one path multiplies bfloat16: a step is a pair of inputs.
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
  // As ToBF16 (kernels/dtype.h), which belongs to all paths.
  static uint16_t Round(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    const bool nan = (bits & 0x7fffffffU) > 0x7f800000U;
    const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    return static_cast<uint16_t>(nan ? (bits >> 16) | 0x40U : rounded);
  }
};

inline constexpr int kMaxPanels = 8;  // of a tile

// Rows of a tile: as many as fit the registers with the fewest panels that keep them busy.
template <class D>
constexpr int kTileRows = D::Rows(1);

// The division of `rows` into the fewest tiles, of nearly equal height in quanta, the higher ones
// first. Only the last quantum may have fewer rows.
template <class D>
struct Tiles {
  explicit Tiles(int64_t num_rows)
      : rows(num_rows), count((rows + kTileRows<D> - 1) / kTileRows<D>) {
    const int64_t quanta = (rows + D::kRowQuantum - 1) / D::kRowQuantum;
    quanta_each = count == 0 ? 0 : quanta / count;
    num_higher = quanta - count * quanta_each;
  }

  int64_t FirstRow(int64_t t) const {
    const int64_t row = (t * quanta_each + (t < num_higher ? t : num_higher)) * D::kRowQuantum;
    return row < rows ? row : rows;
  }
  int64_t Height(int64_t t) const { return FirstRow(t + 1) - FirstRow(t); }

  int64_t rows;
  int64_t count;
  int64_t quanta_each;  // of the lower tiles
  int64_t num_higher;
};

// Inputs of one row, filled up to whole units.
template <class D>
constexpr int64_t PaddedInputs(int64_t inputs) {
  return (inputs + D::kInputsPerUnit - 1) / D::kInputsPerUnit * D::kInputsPerUnit;
}

// Bytes of one row, packed.
template <class D>
constexpr size_t RowBytes(int64_t inputs) {
  return static_cast<size_t>(PaddedInputs<D>(inputs)) * sizeof(typename D::Element);
}

// A chunk of inputs of one tile of rows, by some panels.
struct TileChunk {
  const std::byte* x;  // [units][rows of the tile]
  const std::byte* w;  // panel 0; [steps][64 bytes]
  size_t panel_bytes;  // from panel to panel
  int64_t steps;
  bool first;             // chunk of its outputs: store, do not add
  float* sums;            // [panels][rows][16]
  const std::byte* next;  // what to prefetch of panel 0, for as many steps
  int64_t next_steps;
};

// kRows rows of x by kPanels panels, all in registers. Each output is its own chain of fused
// multiply-adds: neither the number of rows nor the number of panels changes a bit of it.
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

// As many independent chains as MultiplyTile has.
template <class S, class D>
double VectorDotProductLoop(int64_t rounds) {
  constexpr int kPanels = D::Rows(2) == D::Rows(1) ? 2 : 1;
  constexpr int kChains = D::Rows(kPanels) * kPanels;
  alignas(64) static const std::byte kZeros[64] = {};
  // Unknown to the compiler, so that it multiplies, and each chain by itself.
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

// Multiplies a chunk of up to kTileRows<D> rows by so many panels, as PanelsAtATime allows, on
// vector registers.
template <class S, class D>
class VectorMultiplier {
 public:
  void Multiply(const TileChunk& c, int64_t rows, int64_t panels) {
    MultiplyPanels<S, D>(c, rows, panels);
  }
  static double DotProductLoop(int64_t rounds) { return VectorDotProductLoop<S, D>(rounds); }
};

// Panels that a tile of such a height takes at a time, at most `left`: a power of two.
template <class D>
int64_t PanelsAtATime(int64_t height, int64_t left) {
  int panels = kMaxPanels;
  while (panels > 1 && (D::Rows(panels) < height || panels > left)) panels /= 2;
  return panels;
}

// One thread's part of a product: tiles [first_tile, last_tile) by panels [first_panel,
// last_panel).
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
    // What stays in the L2 cache while the other changes: a chunk of x, or all of it.
    const bool by_chunk = static_cast<size_t>(rows) * row_bytes_ > a_.l2_bytes / 4;
    Block b = {.k = 0, .panel = 0, .panels = Width(0)};
    while (b.panels > 0) {
      const Block next = by_chunk ? NextByChunk(b) : NextByPanel(b);
      RunBlock(b, next);
      b = next;
    }
  }

 private:
  static constexpr int64_t kElementBytes = sizeof(typename D::Element);
  static constexpr size_t kChunkBytes = kChunk / D::kInputsPerStep * 64;

  // A chunk of inputs by panels that are multiplied together.
  struct Block {
    int64_t k;
    int64_t panel;
    int64_t panels;  // none: the end
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
                            .next = w_next + from * 64,
                            .next_steps = w_next == nullptr ? 0 : to - from},
                           height, b.panels);
    }
  }

 public:
  // [rows of the tile][16] of one panel
  float* Sums(int64_t t, int64_t panel) const {
    const int64_t row = tiles_.FirstRow(t) - tiles_.FirstRow(first_tile_);
    return a_.sums + (row * panels_ + panel * tiles_.Height(t)) * 16;
  }

 private:
  const MatmulArgs& a_;
  const Tiles<D> tiles_;
  const size_t row_bytes_;
  const int64_t panels_;
  typename D::Multiplier multiplier_;
  int64_t first_tile_ = 0;
  int64_t last_tile_ = 0;
};

template <class S, class D>
void StoreSums(const MatmulArgs& a, const Tiles<D>& tiles, const Product<S, D>& product,
               int64_t t) {
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

// Panels in turn belong to gate and up: their outputs, multiplied, become packed rows.
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
  // As many tiles as sums have room.
  static_assert(kTileRows<D> <= kMaxTileRows);
  const int64_t at_a_time = a.sum_rows / kTileRows<D>;
  for (int64_t first = a.first_tile; first < a.last_tile; first += at_a_time) {
    const int64_t last = first + at_a_time < a.last_tile ? first + at_a_time : a.last_tile;
    product.Run(first, last);
    for (int64_t t = first; t < last; ++t) {
      if (a.swiglu != nullptr) {
        StoreSwiGlu<S, D>(a, tiles, product, t);
      } else {
        StoreSums<S, D>(a, tiles, product, t);
      }
    }
  }
}

// F and B: how the path multiplies float32 and bfloat16.
template <class S, class F, class B>
void MatmulImpl(const MatmulArgs& args) {
  if (args.dtype == DType::kBF16) {
    MatmulTyped<S, B>(args);
  } else {
    MatmulTyped<S, F>(args);
  }
}

template <class F, class B>
int64_t NumTilesImpl(DType dtype, int64_t rows) {
  return dtype == DType::kBF16 ? Tiles<B>(rows).count : Tiles<F>(rows).count;
}

template <class F, class B>
size_t PackedRowBytesImpl(DType dtype, int64_t inputs) {
  return dtype == DType::kBF16 ? RowBytes<B>(inputs) : RowBytes<F>(inputs);
}

// One row into its place in its tile.
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

template <class F, class B>
void PackRowsImpl(const PackRowsArgs& args) {
  if (args.to == DType::kBF16) {
    PackRowsTyped<B>(args);
  } else {
    PackRowsTyped<F>(args);
  }
}

template <class F, class B>
double DotProductLoopImpl(DType dtype, int64_t rounds) {
  return dtype == DType::kBF16 ? B::Multiplier::DotProductLoop(rounds)
                               : F::Multiplier::DotProductLoop(rounds);
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_MATMUL_IMPL_H_
