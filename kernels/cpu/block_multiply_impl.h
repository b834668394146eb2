// Products of one block of a tile of rows with two panels on vector registers, written once for
// every instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_MULTIPLY_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_MULTIPLY_IMPL_H_

#include <cstdint>

#include "kernels/cpu/block_product_impl.h"

namespace octet {

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
    Vec t[kPairPanels][kRows];
    if constexpr (HasCounts(kForm)) {
      AddCountedRuns(b, t);
    } else {
      AddRuns(b, t);
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) {
      if constexpr (kForm == BlockForm::kRunMins) End::AddRunMins(b, kRows, p, t[p]);
      End::AddToSums(b, kRows, p, t[p]);
    }
  }

 private:
  static constexpr int kParts = kForm == BlockForm::kCountedHalves ? 2 : 1;  // of a run
  static constexpr int kSteps = kStepsPerRun / kParts;
  static constexpr int kPaddedRows = (kRows + 1) / 2 * 2;  // whole vectors of all runs
  static constexpr bool kHasOffset = kForm != BlockForm::kRunMins;

  // Calls f(row, panel, weights, x) for the steps of part number `part` of all runs.
  template <class F>
  static inline __attribute__((always_inline)) void ForSteps(const BlockProduct& b, int part,
                                                             const F& f) {
    const int first = part * kSteps;
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; ++s) {
      Units w[kPairPanels];
#pragma GCC unroll 2
      for (int p = 0; p < kPairPanels; ++p) w[p] = S::LoadUnits(b.w[p].q + (first + s) * 64);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Units x = S::Set1Units(UnitAt(b.x + Tile::Q(kRows, (first + s) * kInputsPerStep, r)));
#pragma GCC unroll 2
        for (int p = 0; p < kPairPanels; ++p) f(r, p, w[p], x);
      }
    }
  }

  template <class V>
  static inline __attribute__((always_inline)) void Fill(V value, V (&all)[kPairPanels][kRows]) {
#pragma GCC unroll 2
    for (auto& panel : all) {
#pragma GCC unroll 8
      for (V& v : panel) v = value;
    }
  }

  // t = the sum over runs of scale * (q · x).
  static inline __attribute__((always_inline)) void AddRuns(const BlockProduct& b,
                                                            Vec (&t)[kPairPanels][kRows]) {
    alignas(64) int32_t starts[kRunsOfBlock * kPaddedRows];
    FillStarts(b, starts);
    Fill(S::Zero(), t);
    for (int run = 0; run < b.runs; ++run) {
      PrefetchPart(b, run, b.runs);
      AddRun(b, run, starts, t);
    }
  }

  // What the offset takes from each sum: [run][row].
  static void FillStarts(const BlockProduct& b, int32_t* starts) {
    if constexpr (!kHasOffset) return;
    const std::byte* sums = b.x + Tile::HalfSums(kRows);
    const int32_t word = -b.offset & 0xffff;
    const Units both = S::Set1Units(word | static_cast<int32_t>(uint32_t(word) << 16));
    for (int i = 0; i < kRunsOfBlock * kRows; i += 16) {
      S::StoreUnits(starts + i, S::DotWords(S::ZeroUnits(), S::LoadUnits(sums + i * 4), both));
    }
  }

  static inline __attribute__((always_inline)) void AddRun(const BlockProduct& b, int run,
                                                           const int32_t* starts,
                                                           Vec (&t)[kPairPanels][kRows]) {
    Units acc[kPairPanels][kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int p = 0; p < kPairPanels; ++p) {
        acc[p][r] = kHasOffset ? S::Set1Units(starts[run * kRows + r]) : S::ZeroUnits();
      }
    }
    ForSteps(
        b, run, [&](int r, int p, Units w, Units x) __attribute__((always_inline)) {
          acc[p][r] = S::template DotBytes<kForm == BlockForm::kWide>(acc[p][r], w, x);
        });
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) {
      const Vec scale = S::Load(b.w[p].scales[run]);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) t[p][r] = S::Fma(scale, S::ToFloats(acc[p][r]), t[p][r]);
    }
  }

  // t = scale * (the sum over parts of runs of count * (q · x)), and the min.
  static inline __attribute__((always_inline)) void AddCountedRuns(const BlockProduct& b,
                                                                   Vec (&t)[kPairPanels][kRows]) {
    Units sums[kPairPanels][kRows];
    Fill(S::ZeroUnits(), sums);
    for (int run = 0; run < kRunsOfBlock; ++run) {
      PrefetchPart(b, run, kRunsOfBlock);
#pragma GCC unroll 2
      for (int part = 0; part < kParts; ++part) AddCounted(b, run * kParts + part, sums);
    }
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) {
      const Vec scale = S::Load(b.w[p].scales[0]);
      const Vec min = S::Load(b.w[p].mins[0]);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Units pairs = SumOfPairs(b, p, r);
        if constexpr (kForm == BlockForm::kCountedHalves) {
          static_assert(OffsetOf(WeightFormat::kQ6_K) == 1 << 5);
          const Units sum = S::SubUnits(sums[p][r], S::template ShiftLeft<5>(pairs));
          t[p][r] = S::Fma(scale, S::ToFloats(sum), S::Zero());
        } else {
          t[p][r] = S::Fma(scale, S::ToFloats(sums[p][r]), S::Zero());
          t[p][r] = S::Fma(min, S::ToFloats(pairs), t[p][r]);
        }
      }
    }
  }

  static inline __attribute__((always_inline)) void AddCounted(const BlockProduct& b, int part,
                                                               Units (&sums)[kPairPanels][kRows]) {
    Units count[kPairPanels];
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) count[p] = S::LoadUnits(b.w[p].scale_counts[part]);
    if constexpr (S::kCountsWords) {
      ForSteps(
          b, part, [&](int r, int p, Units w, Units x) __attribute__((always_inline)) {
            sums[p][r] = S::DotCounted(sums[p][r], w, x, count[p]);
          });
    } else {
      Units acc[kPairPanels][kRows];
      Fill(S::ZeroUnits(), acc);
      ForSteps(
          b, part, [&](int r, int p, Units w, Units x) __attribute__((always_inline)) {
            acc[p][r] = S::template DotBytes<false>(acc[p][r], w, x);
          });
#pragma GCC unroll 2
      for (int p = 0; p < kPairPanels; ++p) {
        const Units factor = S::UpperWords(count[p]);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          sums[p][r] = S::AddUnits(sums[p][r], S::MulUnits(acc[p][r], factor));
        }
      }
    }
  }

  // The products of the pairs of counts of panel p and the sums of x that they belong to.
  static inline __attribute__((always_inline)) Units SumOfPairs(const BlockProduct& b, int p,
                                                                int r) {
    constexpr bool kOfHalves = kForm == BlockForm::kCountedHalves;
    const std::byte* sums = b.x + (kOfHalves ? Tile::HalfSums(kRows) : Tile::RunSums(kRows));
    Units sum = S::ZeroUnits();
#pragma GCC unroll 8
    for (int i = 0; i < (kOfHalves ? kRunsOfBlock : kRunsOfBlock / 2); ++i) {
      sum = S::DotWords(sum, S::LoadUnits(b.w[p].pairs[i]),
                        S::Set1Units(UnitAt(sums + (i * kRows + r) * 4)));
    }
    return sum;
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

  // Brings a chunk of `inputs` inputs into the form of Multiply.
  void Unpack(WeightFormat format, const std::byte* chunk, int64_t inputs,
              UnpackedPanel& panel) const {
    UnpackChunk<S>(format, chunk, inputs, panel);
  }

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
      case BlockForm::kRunMins:
        return MultiplyBlock<S, BlockForm::kRunMins>(b);
      case BlockForm::kCountedRuns:
        return MultiplyBlock<S, BlockForm::kCountedRuns>(b);
      case BlockForm::kCountedHalves:
        return MultiplyBlock<S, BlockForm::kCountedHalves>(b);
    }
  }
};

// The multiplications of a path with vector registers only.
template <class S>
struct VectorBlocksOnly {
  using DotProducts = VectorBlocks<S>;  // whose loop is the bound

  // Calls f.operator()<M>() with the multiplication M for products of `rows` rows.
  template <class F>
  static auto With(WeightFormat /*format*/, int64_t /*rows*/, const F& f) {
    return f.template operator()<VectorBlocks<S>>();
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_MULTIPLY_IMPL_H_
