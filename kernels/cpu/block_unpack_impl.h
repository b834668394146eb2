// Unpacking of quantised weights, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_UNPACK_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_UNPACK_IMPL_H_

#include <cstdint>

#include "kernels/cpu/block_panel.h"
#include "kernels/cpu/block_rows_impl.h"

namespace octet {

// One chunk of a panel in the form in which all formats are multiplied. Weight i of an output is
// scale * (q[i] - offset) + min * min_count.
struct UnpackedPanel {
  const std::byte* q;                        // unsigned [step][output][4]; often in `room`
  alignas(64) float scales[16][16];          // [run, or half of a run for Q6_K][output]
  alignas(64) float mins[kRunsOfBlock][16];  // [run][output]; of Q4_K and Q5_K: run 0 only
  alignas(64) int16_t min_counts[kRunsOfBlock / 2][16][2];  // [run / 2][output][run % 2]
  alignas(64) uint16_t min_tile[kRunsOfBlock][16][2];       // of TileBlocks
  alignas(64) std::byte room[kActivationBlock * 16];
};

template <class S>
class Unpacker {
 public:
  using Units = typename S::Units;

  // chunk: of `blocks` blocks of the format.
  template <WeightFormat kFormat>
  static void Unpack(const std::byte* chunk, int64_t blocks, UnpackedPanel& to) {
    const auto section = [&](int i) { return chunk + SectionStart(kFormat, i, blocks); };
    to.q = to.room;
    if constexpr (kFormat == WeightFormat::kQ8_0) {
      to.q = chunk;
      UnpackHalves(section(1), blocks, to.scales);
    } else if constexpr (kFormat == WeightFormat::kQ4_0 || kFormat == WeightFormat::kQ4_1) {
      for (int64_t run = 0; run < blocks; ++run) UnpackFours(chunk, run, to.room);
      UnpackHalves(section(1), blocks, to.scales);
      if constexpr (kFormat == WeightFormat::kQ4_1) UnpackHalves(section(2), blocks, to.mins);
    } else if constexpr (kFormat == WeightFormat::kQ5_0 || kFormat == WeightFormat::kQ5_1) {
      for (int64_t run = 0; run < blocks; ++run) UnpackFives(chunk, section(1), run, to.room);
      UnpackHalves(section(2), blocks, to.scales);
      if constexpr (kFormat == WeightFormat::kQ5_1) UnpackHalves(section(3), blocks, to.mins);
    } else if constexpr (kFormat == WeightFormat::kQ4_K) {
      UnpackRunPairs<false>(chunk, nullptr, to.room);
      UnpackSixBits(section(1), section(2), section(3), to);
    } else if constexpr (kFormat == WeightFormat::kQ5_K) {
      UnpackRunPairs<true>(chunk, section(1), to.room);
      UnpackSixBits(section(2), section(3), section(4), to);
    } else {
      UnpackSixes(chunk, section(1), to.room);
      UnpackSignedScales(section(2), section(3), to.scales);
    }
  }

 private:
  static Units LoadUnit(const std::byte* section, int64_t i) {
    return S::LoadUnits(section + i * 64);
  }
  static void StoreStep(std::byte* room, int64_t run, int64_t step, Units u) {
    S::StoreUnits(room + (run * kStepsPerRun + step) * 64, u);
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
  static void UnpackFours(const std::byte* q, int64_t run, std::byte* room) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const Units u = LoadUnit(q, run * 4 + i);
      StoreStep(room, run, i, Low(u));
      StoreStep(room, run, i + 4, High(u));
    }
  }

  template <int kStep = 0>
  static void UnpackFives(const std::byte* q, const std::byte* fifths, int64_t run,
                          std::byte* room) {
    if constexpr (kStep < 4) {
      const Units u = LoadUnit(q, run * 4 + kStep);
      const Units fifth = LoadUnit(fifths, run);
      StoreStep(room, run, kStep, S::Or(Low(u), FifthBit<kStep>(fifth)));
      StoreStep(room, run, kStep + 4, S::Or(High(u), FifthBit<kStep + 4>(fifth)));
      UnpackFives<kStep + 1>(q, fifths, run, room);
    }
  }

  // Q4_K and Q5_K: unit i of a pair of runs has step i of both. A byte of qh has the fifth bits of
  // all runs.
  template <bool kHasFifth, int kPair = 0>
  static void UnpackRunPairs(const std::byte* q, const std::byte* fifths, std::byte* room) {
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
        StoreStep(room, 2 * kPair, step, first);
        StoreStep(room, 2 * kPair + 1, step, second);
      }
      UnpackRunPairs<kHasFifth, kPair + 1>(q, fifths, room);
    }
  }

  // Q6_K: four runs share two units of ql and one of qh.
  static void UnpackSixes(const std::byte* low, const std::byte* high, std::byte* room) {
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 8
      for (int step = 0; step < kStepsPerRun; ++step) {
        const Units a = LoadUnit(low, half * 16 + step);
        const Units b = LoadUnit(low, half * 16 + 8 + step);
        const Units h = LoadUnit(high, half * 8 + step);
        StoreStep(room, 4 * half, step, S::Or(Low(a), UpperPair<0>(h)));
        StoreStep(room, 4 * half + 1, step, S::Or(Low(b), UpperPair<1>(h)));
        StoreStep(room, 4 * half + 2, step, S::Or(High(a), UpperPair<2>(h)));
        StoreStep(room, 4 * half + 3, step, S::Or(High(b), UpperPair<3>(h)));
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
    const auto scale = S::AsFloats(S::WidenHalf(d));
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
      S::Store(to.scales[i], S::Mul(scale, S::ToFloats(S::And(a, six))));
      S::Store(to.scales[i + 4], S::Mul(scale, S::ToFloats(later_scale)));
      StoreCounts(i, S::And(b, six), to);
      StoreCounts(i + 4, later_min, to);
    }
    S::Store(to.mins[0], S::Sub(S::Zero(), S::AsFloats(S::WidenHalf(min))));
  }

  // Counts of an even run are the lower words, those of the run behind it the upper ones.
  static void StoreCounts(int run, Units counts, UnpackedPanel& to) {
    auto* pairs = to.min_counts[run / 2];
    if (run % 2 == 0) return S::StoreUnits(pairs, counts);
    S::StoreUnits(pairs, S::Or(S::LoadUnits(pairs), S::template ShiftLeft<16>(counts)));
  }

  static void UnpackSignedScales(const std::byte* bytes, const std::byte* d, float (*to)[16]) {
    const auto scale = S::AsFloats(S::WidenHalf(d));
    for (int i = 0; i < 16; ++i) {
      S::Store(to[i], S::Mul(scale, S::ToFloats(S::WidenSignedBytes(bytes + i * kBlockLanes))));
    }
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_UNPACK_IMPL_H_
