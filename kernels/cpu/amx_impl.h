// Products of bfloat16 on tile registers, written once for the instructions and for their model
// (tests/support/tile_model.h).

#ifndef OCTET_KERNELS_CPU_AMX_IMPL_H_
#define OCTET_KERNELS_CPU_AMX_IMPL_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/matmul_impl.h"

namespace octet {

// The rows of a full tile, and the bytes of each row.
inline constexpr int kTileHeight = 16;
inline constexpr int kTileRowBytes = 64;
inline constexpr int kTileBytes = kTileHeight * kTileRowBytes;

// The memory that LDTILECFG reads: Intel SDM volume 2, LDTILECFG.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

// The tile registers of T. Releases them at the end: the next code on this thread then pays nothing
// for their state.
template <class T>
class OwnedTiles : public T {
 public:
  OwnedTiles() = default;
  OwnedTiles(const OwnedTiles&) = delete;
  OwnedTiles& operator=(const OwnedTiles&) = delete;
  ~OwnedTiles() {
    if (is_configured_) T::Release();
  }

  void Configure(const TileConfig& config) {
    is_configured_ = true;
    T::Configure(config);
  }

 private:
  bool is_configured_ = false;
};

// Calls f.operator()<height>() with a height of tiles that has room for `rows` rows: a multiple of
// four, as rows that there are not take time too.
template <class F>
void WithTileHeight(int64_t rows, const F& f) {
  if (rows <= 8) return f.template operator()<8>();
  if (rows <= 12) return f.template operator()<12>();
  f.template operator()<kTileHeight>();
}

// Multiplies up to 32 rows by panels on the tile registers of T: one or two tiles of x (registers 4
// and 5) by tiles of weights (6 and 7 in turn), 32 inputs at a time. Sums:
//
//             panel 0  1  2  3
//   x tile 0        0  1  2  3      17 rows or more: 2 panels at a time
//   x tile 1        2  3
//
// A tile of fewer than 16 rows takes the same instructions, configured for its number of rows.
template <class S, class T>
class TileMultiplier {
 public:
  // The sums of the chunk are complete when Finish returns.
  void Multiply(const TileChunk& c, int64_t rows, int64_t panels) {
    Configure(rows);
    if (rows > kTileHeight) {
      if (panels == 2) return MultiplyTiles<2, 2>(c);
      return MultiplyTiles<2, 1>(c);
    }
    if (panels == 4) return MultiplyTiles<1, 4>(c);
    if (panels == 2) return MultiplyTiles<1, 2>(c);
    return MultiplyTiles<1, 1>(c);
  }

  void Finish() { AddWaiting(waiting_); }

  // Runs as many independent sums as Multiply has.
  static double DotProductLoop(int64_t rounds) {
    TileMultiplier m;
    m.Configure(2 * kTileHeight);
    alignas(64) const std::byte zeros[kTileBytes] = {};
    m.template ZeroSums<2, 2>();
    m.template LoadX<2>(zeros);
    m.tiles_.template Load<6>(zeros);
    m.tiles_.template Load<7>(zeros);
    for (int64_t i = 0; i < rounds; ++i) {
      m.tiles_.template Dot<0, 4, 6>();
      m.tiles_.template Dot<2, 5, 6>();
      m.tiles_.template Dot<1, 4, 7>();
      m.tiles_.template Dot<3, 5, 7>();
    }
    return 2.0 * 4 * kTileHeight * 16 * kInputs * static_cast<double>(rounds);
  }

 private:
  static constexpr int kInputs = 32;          // of a tile
  static constexpr int kSteps = kTileHeight;  // of weights in a tile: pairs of inputs

  // The rows of x tile i.
  int64_t Height(int i) const {
    const int64_t left = rows_ - i * kTileHeight;
    return left < 0 ? 0 : left < kTileHeight ? left : kTileHeight;
  }

  void Configure(int64_t rows) {
    if (rows == rows_) return;
    rows_ = rows;
    TileConfig config;
    const auto set = [&](int tile, int64_t height) {
      config.rows[tile] = static_cast<uint8_t>(height);
      config.row_bytes[tile] = height == 0 ? 0 : kTileRowBytes;
    };
    const int64_t lower = rows > kTileHeight ? Height(1) : Height(0);
    set(0, Height(0));
    set(1, Height(0));
    set(2, lower);
    set(3, lower);
    set(4, Height(0));
    set(5, Height(1));
    set(6, kTileHeight);
    set(7, kTileHeight);
    tiles_.Configure(config);
  }

  template <int kXTiles, int kPanels>
  void MultiplyTiles(const TileChunk& c) {
    ZeroSums<kXTiles, kPanels>();
    const std::byte* x = c.x;
    const std::byte* w = c.w;
    const size_t panel_bytes = c.panel_bytes;
    const int64_t x_bytes = rows_ * kTileRowBytes;
    const int64_t whole = c.steps / kSteps;
    for (int64_t i = 0; i < whole; ++i) {
      Prefetch<kPanels>(c, i * kSteps);
      AddWaiting(kWaitingAtATime);
      LoadX<kXTiles>(x);
      DotPanels<kXTiles, kPanels>(w, panel_bytes);
      x += x_bytes;
      w += kTileBytes;
    }
    if (const int64_t left = c.steps % kSteps; left != 0) {
      alignas(64) std::byte last[kPanels * kTileBytes] = {};
      for (int p = 0; p < kPanels; ++p) {
        std::memcpy(last + p * kTileBytes, w + p * panel_bytes, left * kTileRowBytes);
      }
      LoadX<kXTiles>(x);
      DotPanels<kXTiles, kPanels>(last, kTileBytes);
    }
    Finish();
    float* to = c.first ? c.sums : chunk_;
    StoreSums<kXTiles, kPanels>(to);
    if (c.first) return;
    sums_ = c.sums;
    waiting_ = kPanels * rows_;
  }

  // Prefetches one tile of each of the next panels.
  template <int kPanels>
  static void Prefetch(const TileChunk& c, int64_t first) {
    const int64_t end = first + kSteps < c.next_steps ? first + kSteps : c.next_steps;
    for (int64_t s = first; s < end; ++s) {
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        __builtin_prefetch(c.next + p * c.panel_bytes + s * kTileRowBytes, 0, 2);
      }
    }
  }

  template <int kXTiles, int kPanels, int kPanel = 0>
  void ZeroSums() {
    if constexpr (kPanel < kPanels) {
      tiles_.template Zero<kPanel>();
      if constexpr (kXTiles == 2) tiles_.template Zero<2 + kPanel>();
      ZeroSums<kXTiles, kPanels, kPanel + 1>();
    }
  }

  template <int kXTiles>
  void LoadX(const std::byte* x) {
    tiles_.template LoadOnce<4>(x);
    if constexpr (kXTiles == 2) tiles_.template LoadOnce<5>(x + kTileBytes);
  }

  template <int kXTiles, int kPanels, int kPanel = 0>
  void DotPanels(const std::byte* w, size_t panel_bytes) {
    if constexpr (kPanel < kPanels) {
      constexpr int kW = 6 + kPanel % 2;
      tiles_.template Load<kW>(w);
      tiles_.template Dot<kPanel, 4, kW>();
      if constexpr (kXTiles == 2) tiles_.template Dot<2 + kPanel, 5, kW>();
      DotPanels<kXTiles, kPanels, kPanel + 1>(w + panel_bytes, panel_bytes);
    }
  }

  // to: [panel][row][16]
  template <int kXTiles, int kPanels, int kPanel = 0>
  void StoreSums(float* to) {
    if constexpr (kPanel < kPanels) {
      tiles_.template Store<kPanel>(to);
      if constexpr (kXTiles == 2) tiles_.template Store<2 + kPanel>(to + kTileHeight * 16);
      StoreSums<kXTiles, kPanels, kPanel + 1>(to + rows_ * 16);
    }
  }

  // Adds up to `vectors` of the sums that wait. To add all of them right behind the products would
  // wait for the tiles; between the products of the next chunk it takes no time.
  void AddWaiting(int64_t vectors) {
    const int64_t left = waiting_ < vectors ? 0 : waiting_ - vectors;
    for (; waiting_ > left; --waiting_) {
      const int64_t at = (waiting_ - 1) * 16;
      S::Store(sums_ + at, S::Add(S::Load(sums_ + at), S::Load(chunk_ + at)));
    }
  }

  static constexpr int kMostVectors = 4 * kTileHeight;  // of four registers
  static constexpr int kWaitingAtATime = kMostVectors / (kChunk / kInputs);

  OwnedTiles<T> tiles_;
  int64_t rows_ = 0;                            // for which the tiles are configured
  alignas(64) float chunk_[kMostVectors * 16];  // of which the first waiting_ vectors
  float* sums_ = nullptr;                       // have to be added here
  int64_t waiting_ = 0;
};

// The multiplication of bfloat16 with AMX (kernels/cpu/vector_multiplier.h has the others).
template <class S, class T>
struct TileDot {
  using Element = uint16_t;
  using Multiplier = TileMultiplier<S, T>;
  static constexpr int kInputsPerStep = 2;
  static constexpr int kInputsPerUnit = 32;
  static constexpr int kRowQuantum = kTileHeight;  // 40 rows take 3 registers, not 4

  static constexpr int Rows(int panels) { return panels == 8 ? 0 : panels == 4 ? 16 : 32; }
  static uint16_t Round(float x) { return Bf16Dot<S>::Round(x); }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_AMX_IMPL_H_
