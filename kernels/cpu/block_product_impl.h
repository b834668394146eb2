// What all multiplications of a block of a tile of rows with two panels share.

#ifndef OCTET_KERNELS_CPU_BLOCK_PRODUCT_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_PRODUCT_IMPL_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/block_unpack_impl.h"

namespace octet {

// Panels that are multiplied together. More of them would not be faster: with two, each vector of
// weights and each input is loaded once for several products.
inline constexpr int kPairPanels = 2;

// What the product of a block needs besides the sums of its runs.
enum class BlockForm {
  kNarrow,   // numbers of less than 7 bits
  kWide,     // numbers of 8 bits
  kRunMins,  // a min for each run
  // Blocks as long as those of activations, with counts of their scale
  kCountedRuns,    // and of their min for each run
  kCountedHalves,  // for each half of a run
};

static constexpr bool HasCounts(BlockForm form) {
  return form == BlockForm::kCountedRuns || form == BlockForm::kCountedHalves;
}

static constexpr BlockForm FormOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kQ8_0:
      return BlockForm::kWide;
    case WeightFormat::kQ6_K:
      return BlockForm::kCountedHalves;
    case WeightFormat::kQ4_1:
    case WeightFormat::kQ5_1:
      return BlockForm::kRunMins;
    case WeightFormat::kQ4_K:
    case WeightFormat::kQ5_K:
      return BlockForm::kCountedRuns;
    default:
      return BlockForm::kNarrow;
  }
}

// What is subtracted from the numbers of an unpacked panel.
static constexpr int OffsetOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kQ4_0:
      return 8;
    case WeightFormat::kQ5_0:
      return 16;
    case WeightFormat::kQ8_0:
      return 128;
    case WeightFormat::kQ6_K:
      return 32;
    default:
      return 0;
  }
}

// A block of a tile of rows and of a pair of panels.
struct BlockProduct {
  int64_t rows;            // of the tile
  const std::byte* x;      // BlockTile
  const UnpackedPanel* w;  // [kPairPanels]
  int runs;
  int offset;                           // of the format
  bool first;                           // the first block of its outputs: sums begin with it
  float* sums;                          // [kPairPanels][rows][16]
  const std::byte* ahead[kPairPanels];  // where to prefetch
  int64_t lines;                        // of 64 bytes, in each of them
};

static inline int32_t UnitAt(const std::byte* p) {
  int32_t unit;
  std::memcpy(&unit, p, sizeof(unit));
  return unit;
}

// Adds what panel p of a block gives to row r. rows: b.rows, as a constant where it is one.
template <class S, class M>
inline __attribute__((always_inline)) void AddToSum(const BlockProduct& b, int64_t rows, int p,
                                                    int r, typename S::Vec t) {
  float scale;
  std::memcpy(&scale, b.x + BlockTile<M>::Scales(rows) + r * 4, sizeof(scale));
  float* sums = b.sums + (p * rows + r) * 16;
  S::Store(sums, S::Fma(S::Set1(scale), t, b.first ? S::Zero() : S::Load(sums)));
}

// What follows the runs of a block for each row and output of panel p. M: BlockTile is its. rows:
// b.rows, as a constant where it is one. t: [kRows], of which the tile has the first `rows`.
template <class S, class M, int kRows>
struct BlockEnd {
  using Units = typename S::Units;
  using Vec = typename S::Vec;
  using Tile = BlockTile<M>;

  static inline __attribute__((always_inline)) void AddRunMins(const BlockProduct& b, int64_t rows,
                                                               int p, Vec (&t)[kRows]) {
    const std::byte* sums = b.x + Tile::RunSums(rows);
    for (int run = 0; run < b.runs; ++run) {
      const Vec min = S::Load(b.w[p].mins[run]);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        int16_t sum;
        std::memcpy(&sum, sums + (run / 2 * rows + r) * 4 + run % 2 * 2, sizeof(sum));
        t[r] = S::Fma(min, S::Set1(sum), t[r]);
      }
    }
  }

  static inline __attribute__((always_inline)) void AddToSums(const BlockProduct& b, int64_t rows,
                                                              int p, const Vec (&t)[kRows]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      if (r >= rows) return;
      AddToSum<S, M>(b, rows, p, r, t[r]);
    }
  }
};

// Spreads the prefetches over `parts` parts of the work on a block, because few can be under way.
static inline __attribute__((always_inline)) void PrefetchPart(const BlockProduct& b, int part,
                                                               int parts) {
  const int64_t end = b.lines * (part + 1) / parts;
  for (int64_t line = b.lines * part / parts; line < end; ++line) {
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) __builtin_prefetch(b.ahead[p] + line * 64, 0, 2);
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_PRODUCT_IMPL_H_
