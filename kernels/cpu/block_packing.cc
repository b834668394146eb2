#include "kernels/cpu/block_packing.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/block_panel.h"

namespace octet {
namespace {

// The bits of qh in the order of a panel: bit i goes to byte i % 4, bit i / 4.
uint32_t SpreadFifthBits(uint32_t bits) {
  uint32_t spread = 0;
  for (int i = 0; i < kRunSize; ++i) spread |= (bits >> i & 1U) << (i % 4 * 8 + i / 4);
  return spread;
}

// Changes an element of q or qh to what a panel has.
uint32_t Changed(WeightFormat format, int section, uint32_t element) {
  switch (format) {
    case WeightFormat::kQ8_0:
      return section == 0 ? element ^ 0x80808080U : element;
    case WeightFormat::kQ5_0:
    case WeightFormat::kQ5_1:
      return section == 1 ? SpreadFifthBits(element) : element;
    default:
      return element;
  }
}

// Interleaves one section of a block of each row.
template <class Element>
void Interleave(WeightFormat format, int section, const std::byte* rows, size_t stride,
                int num_rows, std::byte* out) {
  const BlockSection& s = SectionsOf(format).sections[section];
  for (int i = 0; i < s.count; ++i) {
    Element lanes[kBlockLanes] = {};
    for (int r = 0; r < num_rows; ++r) {
      std::memcpy(&lanes[r], rows + r * stride + i * sizeof(Element), sizeof(Element));
    }
    if constexpr (sizeof(Element) == 4) {
      for (Element& lane : lanes) lane = Changed(format, section, lane);
    }
    std::memcpy(out + i * sizeof(lanes), lanes, sizeof(lanes));
  }
}

}  // namespace

void PackBlocks(WeightFormat format, const std::byte* rows, size_t stride, int num_rows,
                int64_t cols, std::byte* panel) {
  const BlockGeometry geometry = GeometryOf(format);
  const BlockSections all = SectionsOf(format);
  const int64_t blocks = cols / geometry.weights;
  const int64_t at_a_time = kActivationBlock / geometry.weights;
  for (int64_t first = 0; first < blocks; first += at_a_time) {
    const int64_t count = std::min(at_a_time, blocks - first);
    for (int section = 0; section < all.count; ++section) {
      const BlockSection& s = all.sections[section];
      std::byte* out = panel + SectionStart(format, section, count);
      for (int64_t b = 0; b < count; ++b) {
        const std::byte* from = rows + (first + b) * geometry.bytes + s.offset;
        const auto interleave = s.bytes == 4   ? Interleave<uint32_t>
                                : s.bytes == 2 ? Interleave<uint16_t>
                                               : Interleave<uint8_t>;
        interleave(format, section, from, stride, num_rows, out);
        out += int64_t{s.bytes} * s.count * kBlockLanes;
      }
    }
    panel += count * geometry.bytes * kBlockLanes;
  }
}

}  // namespace octet
