// Products of one block of a tile of rows with two panels, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_MULTIPLY_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_MULTIPLY_IMPL_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/block_unpack_impl.h"

namespace octet {

// Panels that are multiplied together. More of them would not be faster: with two, each vector of
// weights and each input is loaded once for several products.
inline constexpr int kPairPanels = 2;

// What the product of a block needs besides the sums of its runs.
enum class BlockForm {
  kNarrow,     // numbers of less than 7 bits
  kWide,       // numbers of 8 bits
  kHalves,     // two scales in a run
  kRunMins,    // a min for each run
  kBlockMins,  // a min for each block, and its count for each run
};

static constexpr BlockForm FormOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kQ8_0:
      return BlockForm::kWide;
    case WeightFormat::kQ6_K:
      return BlockForm::kHalves;
    case WeightFormat::kQ4_1:
    case WeightFormat::kQ5_1:
      return BlockForm::kRunMins;
    case WeightFormat::kQ4_K:
    case WeightFormat::kQ5_K:
      return BlockForm::kBlockMins;
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

  static inline __attribute__((always_inline)) void AddBlockMins(const BlockProduct& b,
                                                                 int64_t rows, int p,
                                                                 Vec (&t)[kRows]) {
    const std::byte* sums = b.x + Tile::RunSums(rows);
    const Vec min = S::Load(b.w[p].mins[0]);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      Units sum = S::ZeroUnits();
#pragma GCC unroll 4
      for (int i = 0; i < kRunsOfBlock / 2; ++i) {
        sum = S::DotWords(sum, S::LoadUnits(b.w[p].min_counts[i]),
                          S::Set1Units(UnitAt(sums + (i * rows + r) * 4)));
      }
      t[r] = S::Fma(min, S::ToFloats(sum), t[r]);
    }
  }

  static inline __attribute__((always_inline)) void AddToSums(const BlockProduct& b, int64_t rows,
                                                              int p, const Vec (&t)[kRows]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      if (r >= rows) return;
      float scale;
      std::memcpy(&scale, b.x + Tile::Scales(rows) + r * 4, sizeof(scale));
      float* sums = b.sums + (p * rows + r) * 16;
      S::Store(sums, S::Fma(S::Set1(scale), t[r], b.first ? S::Zero() : S::Load(sums)));
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

template <class S>
struct VectorBlocks;

// Multiplies a tile of kRows rows on vector registers.
template <class S, BlockForm kForm, int kRows>
class BlockMultiplier {
 public:
  using Units = typename S::Units;
  using Vec = typename S::Vec;
  using Tile = BlockTile<VectorBlocks<S>>;
  using End = BlockEnd<S, VectorBlocks<S>, kRows>;

  static void Multiply(const BlockProduct& b) {
    alignas(64) int32_t starts[kParts * kRunsOfBlock * kPaddedRows];
    FillStarts(b, starts);
    Vec t[kPairPanels][kRows];
#pragma GCC unroll 2
    for (auto& panel : t) {
#pragma GCC unroll 8
      for (Vec& v : panel) v = S::Zero();
    }
    for (int run = 0; run < b.runs; ++run) {
      PrefetchPart(b, run, b.runs);
#pragma GCC unroll 2
      for (int part = 0; part < kParts; ++part) AddPart(b, run, part, starts, t);
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) {
      if constexpr (kForm == BlockForm::kRunMins) End::AddRunMins(b, kRows, p, t[p]);
      if constexpr (kForm == BlockForm::kBlockMins) End::AddBlockMins(b, kRows, p, t[p]);
      End::AddToSums(b, kRows, p, t[p]);
    }
  }

 private:
  static constexpr int kParts = kForm == BlockForm::kHalves ? 2 : 1;  // of a run
  static constexpr int kSteps = kStepsPerRun / kParts;
  static constexpr int kPaddedRows = (kRows + 1) / 2 * 2;  // whole vectors of all runs
  static constexpr bool kHasOffset = kForm != BlockForm::kRunMins && kForm != BlockForm::kBlockMins;

  // What the offset takes from each sum: [run][row][part].
  static void FillStarts(const BlockProduct& b, int32_t* starts) {
    if constexpr (!kHasOffset) return;
    const std::byte* sums = b.x + Tile::HalfSums(kRows);
    const int32_t word = -b.offset & 0xffff;
    for (int i = 0; i < kParts * kRunsOfBlock * kRows; i += 16) {
      if constexpr (kParts == 1) {
        const Units both = S::Set1Units(word | static_cast<int32_t>(uint32_t(word) << 16));
        S::StoreUnits(starts + i, S::DotWords(S::ZeroUnits(), S::LoadUnits(sums + i * 4), both));
      } else {
        S::StoreUnits(starts + i,
                      S::DotWords(S::ZeroUnits(), S::WidenWords(sums + i * 2), S::Set1Units(word)));
      }
    }
  }

  // t += scale * (q · x) of a run or half of a run.
  static inline __attribute__((always_inline)) void AddPart(const BlockProduct& b, int run,
                                                            int part, const int32_t* starts,
                                                            Vec (&t)[kPairPanels][kRows]) {
    Units acc[kRows][kPairPanels];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int p = 0; p < kPairPanels; ++p) {
        acc[r][p] =
            kHasOffset ? S::Set1Units(starts[(run * kRows + r) * kParts + part]) : S::ZeroUnits();
      }
    }
    const int first = run * kStepsPerRun + part * kSteps;
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) {
      Units w[kPairPanels];
#pragma GCC unroll 2
      for (int p = 0; p < kPairPanels; ++p) w[p] = S::LoadUnits(b.w[p].q + (first + s) * 64);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Units x = S::Set1Units(UnitAt(b.x + Tile::Q(kRows, (first + s) * kInputsPerStep, r)));
#pragma GCC unroll 2
        for (int p = 0; p < kPairPanels; ++p) {
          acc[r][p] = S::template DotBytes<kForm == BlockForm::kWide>(acc[r][p], w[p], x);
        }
      }
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) {
      const Vec scale = S::Load(b.w[p].scales[run * kParts + part]);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) t[p][r] = S::Fma(scale, S::ToFloats(acc[r][p]), t[p][r]);
    }
  }
};

template <class S, BlockForm kForm, int kRows = S::kBlockRows>
void MultiplyBlock(const BlockProduct& b) {
  if constexpr (kRows > 0) {
    if (b.rows == kRows) return BlockMultiplier<S, kForm, kRows>::Multiply(b);
    return MultiplyBlock<S, kForm, kRows - 1>(b);
  }
}

// The multiplication of quantised weights on vector registers.
template <class S>
struct VectorBlocks {
  static constexpr int kRows = S::kBlockRows;  // of a tile, at most
  static constexpr int kInputsTogether = kInputsPerStep;
  static constexpr bool kSplitsSums = false;

  // Prepares an unpacked block of `runs` runs.
  void Prepare(WeightFormat /*format*/, int /*runs*/, UnpackedPanel& /*panel*/) const {}

  // Multiplies `tiles` tiles. product(i): the BlockProduct of tile i.
  template <class F>
  void Multiply(WeightFormat format, int64_t tiles, const F& product) const {
    for (int64_t i = 0; i < tiles; ++i) MultiplyTile(format, product(i));
  }

  // Runs as many independent chains as a block has.
  static double DotProductLoop(int64_t rounds) {
    constexpr int kChains = S::kBlockRows * kPairPanels;
    volatile int32_t zero = 0;
    const auto w = S::Set1Units(zero);
    typename S::Units acc[kChains];
#pragma GCC unroll 12
    for (auto& a : acc) a = S::Set1Units(zero);
    for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
      for (auto& a : acc) a = S::template DotBytes<false>(a, w, w);
    }
    float sum = 0;
    for (auto& a : acc) sum += S::Sum(S::ToFloats(a));
    return 2.0 * kChains * 16 * kInputsPerStep * static_cast<double>(rounds) + sum;
  }

 private:
  static void MultiplyTile(WeightFormat format, const BlockProduct& b) {
    switch (FormOf(format)) {
      case BlockForm::kNarrow:
        return MultiplyBlock<S, BlockForm::kNarrow>(b);
      case BlockForm::kWide:
        return MultiplyBlock<S, BlockForm::kWide>(b);
      case BlockForm::kHalves:
        return MultiplyBlock<S, BlockForm::kHalves>(b);
      case BlockForm::kRunMins:
        return MultiplyBlock<S, BlockForm::kRunMins>(b);
      case BlockForm::kBlockMins:
        return MultiplyBlock<S, BlockForm::kBlockMins>(b);
    }
  }
};

// The multiplications of a path with vector registers only.
template <class S>
struct VectorBlocksOnly {
  // Calls f.operator()<M>() with the multiplication M for products of `rows` rows.
  template <class F>
  static auto With(WeightFormat /*format*/, int64_t /*rows*/, const F& f) {
    return f.template operator()<VectorBlocks<S>>();
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_MULTIPLY_IMPL_H_
