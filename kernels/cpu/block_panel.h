// The layout of quantised weights in panels of 16 outputs.

#ifndef OCTET_KERNELS_CPU_BLOCK_PANEL_H_
#define OCTET_KERNELS_CPU_BLOCK_PANEL_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/weight_format.h"

namespace octet {

// The functions are static because files that are compiled for one path include this file
// (kernels/cpu/cpu_kernels.h).

// The outputs of a panel.
inline constexpr int kBlockLanes = 16;

// A part of the blocks of a format: `count` elements of `bytes` bytes, from byte `offset` on.
struct BlockSection {
  int offset;
  int bytes;  // 4, 2 or 1
  int count;
};

// The sections of a format, in their order in a panel. q comes first. Names are those of
// ggml-common.h of llama.cpp.
inline constexpr int kMaxSections = 5;
struct BlockSections {
  BlockSection sections[kMaxSections];
  int count;
};

// A panel holds chunks of kActivationBlock inputs of 16 outputs; the last one may be shorter. In a
// chunk, each section of the blocks of all 16 outputs lies together, its elements interleaved:
//
//   [section][block][element][output]
//
// so that 64 bytes hold the same 4 bytes of q of 16 outputs. Nothing is added to the bytes of the
// file. Only the values of two sections change: the numbers of Q8_0 get the offset 128; and the
// fifth bits of Q5_0 and Q5_1 are ordered so that bit s of byte j belongs to weight 4s + j.
static constexpr BlockSections SectionsOf(WeightFormat format) {
  switch (format) {
    case WeightFormat::kQ4_0:  // qs, d
      return {{{2, 4, 4}, {0, 2, 1}}, 2};
    case WeightFormat::kQ4_1:  // qs, d, m
      return {{{4, 4, 4}, {0, 2, 1}, {2, 2, 1}}, 3};
    case WeightFormat::kQ5_0:  // qs, qh, d
      return {{{6, 4, 4}, {2, 4, 1}, {0, 2, 1}}, 3};
    case WeightFormat::kQ5_1:  // qs, qh, d, m
      return {{{8, 4, 4}, {4, 4, 1}, {0, 2, 1}, {2, 2, 1}}, 4};
    case WeightFormat::kQ8_0:  // qs, d
      return {{{2, 4, 8}, {0, 2, 1}}, 2};
    case WeightFormat::kQ4_K:  // qs, scales, d, dmin
      return {{{16, 4, 32}, {4, 1, 12}, {0, 2, 1}, {2, 2, 1}}, 4};
    case WeightFormat::kQ5_K:  // qs, qh, scales, d, dmin
      return {{{48, 4, 32}, {16, 4, 8}, {4, 1, 12}, {0, 2, 1}, {2, 2, 1}}, 5};
    case WeightFormat::kQ6_K:  // ql, qh, scales, d
      return {{{0, 4, 32}, {128, 4, 16}, {192, 1, 16}, {208, 2, 1}}, 4};
    default:
      return {{}, 0};
  }
}

// Returns where section number `section` begins in a chunk of `blocks` blocks, in bytes.
static constexpr int64_t SectionStart(WeightFormat format, int section, int64_t blocks) {
  const BlockSections all = SectionsOf(format);
  int64_t bytes = 0;
  for (int i = 0; i < section; ++i) bytes += int64_t{all.sections[i].bytes} * all.sections[i].count;
  return bytes * blocks * kBlockLanes;
}

// Calls f.operator()<format>() for a quantised format.
template <class F>
void WithFormat(WeightFormat format, const F& f) {
  switch (format) {
    case WeightFormat::kQ4_0:
      return f.template operator()<WeightFormat::kQ4_0>();
    case WeightFormat::kQ4_1:
      return f.template operator()<WeightFormat::kQ4_1>();
    case WeightFormat::kQ5_0:
      return f.template operator()<WeightFormat::kQ5_0>();
    case WeightFormat::kQ5_1:
      return f.template operator()<WeightFormat::kQ5_1>();
    case WeightFormat::kQ8_0:
      return f.template operator()<WeightFormat::kQ8_0>();
    case WeightFormat::kQ4_K:
      return f.template operator()<WeightFormat::kQ4_K>();
    case WeightFormat::kQ5_K:
      return f.template operator()<WeightFormat::kQ5_K>();
    case WeightFormat::kQ6_K:
      return f.template operator()<WeightFormat::kQ6_K>();
    default:
      return;
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_PANEL_H_
