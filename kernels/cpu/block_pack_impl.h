// Packing of quantised weights into panels (kernels/cpu/block_panel.h), written once for every
// instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_PACK_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_PACK_IMPL_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/block_panel.h"
#include "kernels/cpu/cpu_kernels.h"

namespace octet {

template <class S, WeightFormat kFormat>
class BlockPacker {
 public:
  using Units = typename S::Units;

  static void Pack(const PackBlocksArgs& a) {
    std::byte* panel = a.panel;
    for (int64_t first = 0; first < a.blocks; first += kBlocksOfChunk) {
      const int64_t left = a.blocks - first;
      const int64_t count = left < kBlocksOfChunk ? left : kBlocksOfChunk;
      PackSections<0>(a, a.rows + first * a.block_bytes, count, panel);
      panel += count * a.block_bytes * kBlockLanes;
    }
  }

 private:
  static constexpr BlockSections kSections = SectionsOf(kFormat);
  static constexpr bool kHasLargeBlocks = kFormat == WeightFormat::kQ4_K ||
                                          kFormat == WeightFormat::kQ5_K ||
                                          kFormat == WeightFormat::kQ6_K;
  static constexpr int64_t kBlocksOfChunk = kHasLargeBlocks ? 1 : kRunsOfBlock;

  template <int kSection>
  static void PackSections(const PackBlocksArgs& a, const std::byte* rows, int64_t blocks,
                           std::byte* chunk) {
    if constexpr (kSection < kSections.count) {
      constexpr BlockSection kThis = kSections.sections[kSection];
      const std::byte* from = rows + kThis.offset;
      std::byte* to = chunk + SectionStart(kFormat, kSection, blocks);
      if constexpr (kThis.bytes == 4) {
        PackUnits<kSection, kThis.count>(a, from, blocks, to);
      } else if constexpr (kThis.bytes == 2) {
        Interleave<uint16_t>(a, from, blocks, kThis.count, to);
      } else {
        Interleave<uint8_t>(a, from, blocks, kThis.count, to);
      }
      PackSections<kSection + 1>(a, rows, blocks, chunk);
    }
  }

  template <class Element>
  static void Interleave(const PackBlocksArgs& a, const std::byte* from, int64_t blocks, int count,
                         std::byte* to) {
    for (int64_t b = 0; b < blocks; ++b) {
      for (int i = 0; i < count; ++i) {
        Element lanes[kBlockLanes] = {};
        const std::byte* element = from + b * a.block_bytes + i * sizeof(Element);
        for (int r = 0; r < a.num_rows; ++r) {
          std::memcpy(&lanes[r], element + r * a.stride, sizeof(Element));
        }
        std::memcpy(to, lanes, sizeof(lanes));
        to += sizeof(lanes);
      }
    }
  }

  // Units of q or qh, of which a block has kCount: 16 of each row are transposed at a time.
  template <int kSection, int kCount>
  static void PackUnits(const PackBlocksArgs& a, const std::byte* from, int64_t blocks,
                        std::byte* to) {
    constexpr int kAtATime = kCount < 16 ? 16 / kCount : 1;  // blocks
    constexpr int kUnits = std::min(kCount, 16);             // of each of them
    for (int64_t b = 0; b < blocks; b += kAtATime) {
      const int64_t count = blocks - b < kAtATime ? blocks - b : kAtATime;
      for (int part = 0; part < kCount; part += kUnits) {
        const std::byte* units = from + b * a.block_bytes + part * 4;
        if (count == kAtATime && a.num_rows == kBlockLanes) {
          Transpose<kSection, kUnits>(units, a.stride, a.block_bytes, to);
        } else {
          PackRest<kSection, kUnits>(a, units, count, to);
        }
        to += count * kUnits * 64;
      }
    }
  }

  template <int kSection, int kUnits>
  static void Transpose(const std::byte* from, size_t stride, int64_t block_bytes, std::byte* to) {
    Units units[16];
    for (int r = 0; r < 16; ++r) {
      units[r] = Changed<kSection>(LoadUnits<kUnits>(from + r * stride, block_bytes));
    }
    S::StoreTransposed(units, to);
  }

  // The units of a row in 1, 2, 4 or 16 blocks.
  template <int kUnits>
  static Units LoadUnits(const std::byte* from, int64_t block_bytes) {
    if constexpr (kUnits == 16) return S::LoadUnits(from);
    if constexpr (kUnits == 8) return S::LoadHalves(from, block_bytes);
    if constexpr (kUnits == 4) return S::LoadQuarters(from, block_bytes);
    if constexpr (kUnits == 1) {
      alignas(64) std::byte units[64];
      for (int b = 0; b < 16; ++b) std::memcpy(units + b * 4, from + b * block_bytes, 4);
      return S::LoadUnits(units);
    }
  }

  // Missing rows become zeros.
  template <int kSection, int kUnits>
  static void PackRest(const PackBlocksArgs& a, const std::byte* from, int64_t count,
                       std::byte* to) {
    alignas(64) std::byte rows[16 * 64] = {};
    alignas(64) std::byte transposed[16 * 64];
    for (int r = 0; r < a.num_rows; ++r) {
      for (int64_t b = 0; b < count; ++b) {
        std::memcpy(rows + r * 64 + b * kUnits * 4, from + r * a.stride + b * a.block_bytes,
                    kUnits * 4);
      }
    }
    Transpose<kSection, 16>(rows, 64, 0, transposed);
    std::memcpy(to, transposed, count * kUnits * 64);
  }

  // What the values of two sections become (kernels/cpu/block_panel.h).
  template <int kSection>
  static Units Changed(Units u) {
    if constexpr (kFormat == WeightFormat::kQ8_0) {
      return S::Xor(u, S::Set1Units(static_cast<int32_t>(0x80808080U)));
    } else if constexpr (kSection == 1 && !kHasLargeBlocks) {
      return SpreadFifthBits(u);
    }
    return u;
  }

  // Bit i goes to byte i % 4, bit i / 4: the five bits of i are rotated by two places. Each step
  // exchanges two of them.
  static Units SpreadFifthBits(Units u) {
    u = Swap<3>(u, 0x0a0a0a0a);
    u = Swap<6>(u, 0x00cc00cc);
    u = Swap<12>(u, 0x0000f0f0);
    return Swap<8>(u, 0x0000ff00);
  }

  // Exchanges the bits of the mask with those kBits above them.
  template <int kBits>
  static Units Swap(Units u, int32_t mask) {
    const Units moved = S::And(S::Xor(u, S::template ShiftRight<kBits>(u)), S::Set1Units(mask));
    return S::Xor(u, S::Xor(moved, S::template ShiftLeft<kBits>(moved)));
  }
};

template <class S>
void PackBlocksImpl(const PackBlocksArgs& a) {
  WithFormat(a.format, [&]<WeightFormat kFormat>() { BlockPacker<S, kFormat>::Pack(a); });
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_PACK_IMPL_H_
