// Packing of weights into panels (kernels/base/packed_matrix.h), written once for every instruction
// path.

#ifndef OCTET_KERNELS_CPU_PACK_IMPL_H_
#define OCTET_KERNELS_CPU_PACK_IMPL_H_

#include <cstdint>
#include <cstring>

#include "kernels/cpu/cpu_kernels.h"

namespace octet {

// The conversion of stored elements to 16 units of 4 bytes. A unit is a float32 or a pair of
// bfloat16.
template <class S, DType kFrom, DType kTo>
struct UnitSource {
  static constexpr int kElementBytes = kFrom == DType::kF32 ? 4 : 2;
  static constexpr int kElements = kTo == DType::kF32 ? 16 : 32;
  static constexpr int kBytes = kElements * kElementBytes;

  static typename S::Units Load(const std::byte* p) {
    if constexpr (kFrom == kTo) {
      return S::LoadUnits(p);
    } else if constexpr (kTo == DType::kF32) {
      return Widen(p);
    } else {
      return S::RoundPairs(Widen(p), Widen(p + kBytes / 2));
    }
  }

 private:
  static typename S::Units Widen(const std::byte* p) {
    if constexpr (kFrom == DType::kF32) return S::LoadUnits(p);
    if constexpr (kFrom == DType::kBF16) return S::WidenBf16(p);
    if constexpr (kFrom == DType::kF16) return S::WidenHalf(p);
  }
};

// Packs 16 steps of a panel from 16 units of each row.
template <class S, class Source>
inline __attribute__((always_inline)) void PackBlock(const std::byte* rows, size_t stride,
                                                     int num_rows, std::byte* out) {
  typename S::Units units[16];
  for (int r = 0; r < 16; ++r) {
    units[r] = r < num_rows ? Source::Load(rows + r * stride) : S::ZeroUnits();
  }
  S::StoreTransposed(units, out);
}

// Packs the inputs that are left at the end of the rows.
template <class S, class Source>
void PackRest(const PackPanelArgs& a, int64_t first) {
  const auto elements = static_cast<size_t>(a.inputs - first);
  alignas(64) std::byte rows[16 * Source::kBytes] = {};
  for (int r = 0; r < a.num_rows; ++r) {
    std::memcpy(rows + static_cast<size_t>(r) * Source::kBytes,
                a.rows + r * a.stride + first * Source::kElementBytes,
                elements * Source::kElementBytes);
  }
  alignas(64) std::byte block[16 * 64];
  PackBlock<S, Source>(rows, Source::kBytes, 16, block);
  constexpr size_t kPerStep = Source::kElements / 16;
  std::memcpy(a.panel + first / kPerStep * 64, block, (elements + kPerStep - 1) / kPerStep * 64);
}

template <class S, DType kFrom, DType kTo>
void PackPanelTyped(const PackPanelArgs& a) {
  using Source = UnitSource<S, kFrom, kTo>;
  const std::byte* rows = a.rows;
  std::byte* out = a.panel;
  int64_t k = 0;
  for (; k + Source::kElements <= a.inputs; k += Source::kElements) {
    if (a.num_rows == 16) {
      PackBlock<S, Source>(rows, a.stride, 16, out);
    } else {
      PackBlock<S, Source>(rows, a.stride, a.num_rows, out);
    }
    rows += Source::kBytes;
    out += 16 * 64;
  }
  if (k < a.inputs) PackRest<S, Source>(a, k);
}

template <class S, DType kTo>
void PackPanelTo(const PackPanelArgs& a) {
  switch (a.from) {
    case DType::kF32:
      return PackPanelTyped<S, DType::kF32, kTo>(a);
    case DType::kBF16:
      return PackPanelTyped<S, DType::kBF16, kTo>(a);
    case DType::kF16:
      return PackPanelTyped<S, DType::kF16, kTo>(a);
    case DType::kInt8Blocks:
      return;  // no weights are
  }
}

template <class S>
void PackPanelImpl(const PackPanelArgs& args) {
  if (args.to == DType::kF32) return PackPanelTo<S, DType::kF32>(args);
  PackPanelTo<S, DType::kBF16>(args);
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_PACK_IMPL_H_
