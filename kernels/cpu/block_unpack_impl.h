// Unpacking of quantised weights, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_UNPACK_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_UNPACK_IMPL_H_

#include <cstdint>

#include "kernels/cpu/block_panel.h"
#include "kernels/cpu/block_rows_impl.h"

namespace octet {

// One chunk of a panel in the form in which all formats are multiplied. Weight i of an output is
// scale * scale_count * (q[i] - offset) + min * min_count. Blocks of Q4_K, Q5_K and Q6_K are as
// long as a chunk, and have one scale and one min, at [0].
struct UnpackedPanel {
  const std::byte* q;                          // unsigned [step][output][4]; often in `room`
  alignas(64) float scales[kRunsOfBlock][16];  // [block][output]
  alignas(64) float mins[kRunsOfBlock][16];
  alignas(64) int16_t scale_counts[16][16][2];  // [run, or half for Q6_K][output], twice each
  // Q4_K and Q5_K: min_count, [run / 2][output][run % 2]. Q6_K: scale_count, [run][output][half].
  alignas(64) int16_t pairs[kRunsOfBlock][16][2];
  alignas(64) std::byte room[kActivationBlock * 16];
  // For FoldedTileBlocks
  alignas(64) std::byte folded[2][kActivationBlock * 16];
  alignas(64) uint16_t min_tile[16][16][2] = {};  // [run, and as many zeros][output][part]
};

template <class S>
class Unpacker {
 public:
  using Units = typename S::Units;

  // chunk: of `blocks` blocks of the format. store(step, units): where numbers go, behind the
  // scales.
  template <WeightFormat kFormat, class F>
  static inline __attribute__((always_inline)) void Unpack(const std::byte* chunk, int64_t blocks,
                                                           UnpackedPanel& to, const F& store) {
    const auto section = [&](int i) { return chunk + SectionStart(kFormat, i, blocks); };
    if constexpr (kFormat == WeightFormat::kQ8_0) {
      UnpackHalves(section(1), blocks, to.scales);
      for (int64_t i = 0; i < blocks * kStepsPerRun; ++i) store(i, LoadUnit(chunk, i));
    } else if constexpr (kFormat == WeightFormat::kQ4_0 || kFormat == WeightFormat::kQ4_1) {
      UnpackHalves(section(1), blocks, to.scales);
      if constexpr (kFormat == WeightFormat::kQ4_1) UnpackHalves(section(2), blocks, to.mins);
      for (int64_t run = 0; run < blocks; ++run) UnpackFours(chunk, run, store);
    } else if constexpr (kFormat == WeightFormat::kQ5_0 || kFormat == WeightFormat::kQ5_1) {
      UnpackHalves(section(2), blocks, to.scales);
      if constexpr (kFormat == WeightFormat::kQ5_1) UnpackHalves(section(3), blocks, to.mins);
      for (int64_t run = 0; run < blocks; ++run) UnpackFives(chunk, section(1), run, store);
    } else if constexpr (kFormat == WeightFormat::kQ4_K) {
      UnpackSixBits(section(1), section(2), section(3), to);
      UnpackRunPairs<false>(chunk, nullptr, store);
    } else if constexpr (kFormat == WeightFormat::kQ5_K) {
      UnpackSixBits(section(2), section(3), section(4), to);
      UnpackRunPairs<true>(chunk, section(1), store);
    } else {
      UnpackSignedScales(section(2), section(3), to);
      UnpackSixes(chunk, section(1), store);
    }
  }

 private:
  static Units LoadUnit(const std::byte* section, int64_t i) {
    return S::LoadUnits(section + i * 64);
  }
  template <class F>
  static inline __attribute__((always_inline)) void StoreStep(const F& store, int64_t run,
                                                              int64_t step, Units u) {
    store(run * kStepsPerRun + step, u);
  }
  static Units Low(Units u) { return S::And(u, S::Set1Units(0x0f0f0f0f)); }
  static Units High(Units u) { return Low(S::template ShiftRight<4>(u)); }

  // Bit kBit of each byte, as bit 4.
  template <int kBit>
  static Units FifthBit(Units u) {
    constexpr int kLeft = kBit < 4 ? 4 - kBit : 0;
    constexpr int kRight = kBit > 4 ? kBit - 4 : 0;
    return S::And(S::template ShiftRight<kRight>(S::template ShiftLeft<kLeft>(u)),
                  S::Set1Units(0x10101010));
  }

  // Bits 2 kPair and 2 kPair + 1 of each byte, as bits 4 and 5.
  template <int kPair>
  static Units UpperPair(Units u) {
    constexpr int kLeft = kPair < 2 ? 4 - 2 * kPair : 0;
    constexpr int kRight = kPair > 2 ? 2 * kPair - 4 : 0;
    return S::And(S::template ShiftRight<kRight>(S::template ShiftLeft<kLeft>(u)),
                  S::Set1Units(0x30303030));
  }

  // Q4_0 and Q4_1: unit i of a run has steps i and i + 4.
  template <class F>
  static inline __attribute__((always_inline)) void UnpackFours(const std::byte* q, int64_t run,
                                                                const F& store) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const Units u = LoadUnit(q, run * 4 + i);
      StoreStep(store, run, i, Low(u));
      StoreStep(store, run, i + 4, High(u));
    }
  }

  template <int kStep = 0, class F>
  static inline __attribute__((always_inline)) void UnpackFives(const std::byte* q,
                                                                const std::byte* fifths,
                                                                int64_t run, const F& store) {
    if constexpr (kStep < 4) {
      const Units u = LoadUnit(q, run * 4 + kStep);
      const Units fifth = LoadUnit(fifths, run);
      StoreStep(store, run, kStep, S::Or(Low(u), FifthBit<kStep>(fifth)));
      StoreStep(store, run, kStep + 4, S::Or(High(u), FifthBit<kStep + 4>(fifth)));
      UnpackFives<kStep + 1>(q, fifths, run, store);
    }
  }

  // Q4_K and Q5_K: unit i of a pair of runs has step i of both. A byte of qh has the fifth bits of
  // all runs.
  template <bool kHasFifth, int kPair = 0, class F>
  static inline __attribute__((always_inline)) void UnpackRunPairs(const std::byte* q,
                                                                   const std::byte* fifths,
                                                                   const F& store) {
    if constexpr (kPair < kRunsOfBlock / 2) {
#pragma GCC unroll 8
      for (int step = 0; step < kStepsPerRun; ++step) {
        const Units u = LoadUnit(q, kPair * kStepsPerRun + step);
        Units first = Low(u);
        Units second = High(u);
        if constexpr (kHasFifth) {
          const Units fifth = LoadUnit(fifths, step);
          first = S::Or(first, FifthBit<2 * kPair>(fifth));
          second = S::Or(second, FifthBit<2 * kPair + 1>(fifth));
        }
        StoreStep(store, 2 * kPair, step, first);
        StoreStep(store, 2 * kPair + 1, step, second);
      }
      UnpackRunPairs<kHasFifth, kPair + 1>(q, fifths, store);
    }
  }

  // Q6_K: four runs share two units of ql and one of qh.
  template <class F>
  static inline __attribute__((always_inline)) void UnpackSixes(const std::byte* low,
                                                                const std::byte* high,
                                                                const F& store) {
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 8
      for (int step = 0; step < kStepsPerRun; ++step) {
        const Units a = LoadUnit(low, half * 16 + step);
        const Units b = LoadUnit(low, half * 16 + 8 + step);
        const Units h = LoadUnit(high, half * 8 + step);
        StoreStep(store, 4 * half, step, S::Or(Low(a), UpperPair<0>(h)));
        StoreStep(store, 4 * half + 1, step, S::Or(Low(b), UpperPair<1>(h)));
        StoreStep(store, 4 * half + 2, step, S::Or(High(a), UpperPair<2>(h)));
        StoreStep(store, 4 * half + 3, step, S::Or(High(b), UpperPair<3>(h)));
      }
    }
  }

  // Rows of 16 float16 numbers.
  static void UnpackHalves(const std::byte* from, int64_t rows, float (*to)[16]) {
    for (int64_t r = 0; r < rows; ++r) {
      S::Store(to[r], S::AsFloats(S::WidenHalf(from + r * 2 * kBlockLanes)));
    }
  }

  // The scales of Q4_K and Q5_K. Row i of `bytes` has byte i of the 12 bytes of each output
  // (UnpackSixBits of kernels/base/weight_format.cc).
  static void UnpackSixBits(const std::byte* bytes, const std::byte* d, const std::byte* min,
                            UnpackedPanel& to) {
    const Units six = S::Set1Units(63);
    const Units four = S::Set1Units(15);
    const Units two = S::Set1Units(48);
    for (int i = 0; i < 4; ++i) {
      const Units a = S::WidenBytes(bytes + i * kBlockLanes);
      const Units b = S::WidenBytes(bytes + (i + 4) * kBlockLanes);
      const Units c = S::WidenBytes(bytes + (i + 8) * kBlockLanes);
      const auto upper = [&](Units u) { return S::And(S::template ShiftRight<2>(u), two); };
      const Units later_scale = S::Or(S::And(c, four), upper(a));
      const Units later_min = S::Or(S::template ShiftRight<4>(c), upper(b));
      StoreScaleCount(i, S::And(a, six), to);
      StoreScaleCount(i + 4, later_scale, to);
      StorePair(i, S::And(b, six), to);
      StorePair(i + 4, later_min, to);
    }
    UnpackHalves(d, 1, to.scales);
    S::Store(to.mins[0], S::Sub(S::Zero(), S::AsFloats(S::WidenHalf(min))));
  }

  // The scales of Q6_K: 16 of each output.
  static void UnpackSignedScales(const std::byte* bytes, const std::byte* d, UnpackedPanel& to) {
    for (int i = 0; i < 16; ++i) {
      const Units with_sign = S::WidenSignedBytes(bytes + i * kBlockLanes);
      const Units count = S::And(with_sign, S::Set1Units(0xffff));
      StoreScaleCount(i, count, to);
      StorePair(i, count, to);
    }
    UnpackHalves(d, 1, to.scales);
  }

  static void StoreScaleCount(int i, Units counts, UnpackedPanel& to) {
    S::StoreUnits(to.scale_counts[i], S::Or(counts, S::template ShiftLeft<16>(counts)));
  }

  // Even counts are the lower words of pairs, those behind them the upper ones.
  static void StorePair(int i, Units counts, UnpackedPanel& to) {
    auto* pairs = to.pairs[i / 2];
    if (i % 2 == 0) return S::StoreUnits(pairs, counts);
    S::StoreUnits(pairs, S::Or(S::LoadUnits(pairs), S::template ShiftLeft<16>(counts)));
  }
};

// Unpacks a chunk of `inputs` inputs. The numbers stay where they are, if that is their form, or go
// to `room`.
template <class S>
void UnpackChunk(WeightFormat format, const std::byte* chunk, int64_t inputs, UnpackedPanel& to) {
  WithFormat(format, [&]<WeightFormat kFormat>() {
    constexpr bool kStays = kFormat == WeightFormat::kQ8_0;
    to.q = kStays ? chunk : to.room;
    Unpacker<S>::template Unpack<kFormat>(
        chunk, inputs / GeometryOf(kFormat).weights,
        to, [&](int64_t step, typename S::Units u) __attribute__((always_inline)) {
          if constexpr (!kStays) S::StoreUnits(to.room + step * 64, u);
        });
  });
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_UNPACK_IMPL_H_
