#include "kernels/cpu/pack.h"

#include <cstring>

namespace octet {
namespace {

// Stored elements of each dtype, read as float or rounded to bf16.
template <DType kFrom>
struct Source;

template <>
struct Source<DType::kF32> {
  using Type = float;
  static float Float(float x) { return x; }
};
template <>
struct Source<DType::kBF16> {
  using Type = uint16_t;
  static float Float(uint16_t x) { return ToFloat(BF16{x}); }
};
template <>
struct Source<DType::kF16> {
  using Type = uint16_t;
  static float Float(uint16_t x) { return HalfToFloat(x); }
};

template <DType kFrom>
uint16_t Bf16Bits(typename Source<kFrom>::Type x) {
  if constexpr (kFrom == DType::kBF16)
    return x;
  else
    return ToBF16(Source<kFrom>::Float(x)).bits;
}

constexpr int64_t kPanel = PackedMatrix::kPanel;

template <DType kFrom>
void PackTyped(ConstMatrix rows, DType to, std::byte* panel) {
  using T = typename Source<kFrom>::Type;
  const T* row[kPanel];
  for (int64_t r = 0; r < rows.rows; ++r) row[r] = reinterpret_cast<const T*>(rows.row(r));
  if (to == DType::kF32) {
    auto* out = reinterpret_cast<float*>(panel);
    for (int64_t k = 0; k < rows.cols; ++k) {
      for (int64_t r = 0; r < rows.rows; ++r) out[k * kPanel + r] = Source<kFrom>::Float(row[r][k]);
    }
  } else {
    auto* out = reinterpret_cast<uint16_t*>(panel);
    for (int64_t k = 0; k < rows.cols; ++k) {
      uint16_t* step = out + k / 2 * 2 * kPanel + k % 2;
      for (int64_t r = 0; r < rows.rows; ++r) step[2 * r] = Bf16Bits<kFrom>(row[r][k]);
    }
  }
}

}  // namespace

void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) {
  OCTET_CHECK(rows.rows <= kPanel && rows.cols == w.cols);
  std::byte* out = w.panel(panel);
  if (rows.rows < kPanel || rows.cols % 2 != 0) std::memset(out, 0, w.panel_bytes());
  switch (rows.dtype) {
    case DType::kF32:
      return PackTyped<DType::kF32>(rows, w.dtype, out);
    case DType::kBF16:
      return PackTyped<DType::kBF16>(rows, w.dtype, out);
    case DType::kF16:
      return PackTyped<DType::kF16>(rows, w.dtype, out);
  }
}

}  // namespace octet
