#include "kernels/base/weight_rows.h"

#include <cstring>

namespace octet {
namespace {

void Dequantise(const WeightRows& w, int64_t row, float* to) {
  for (int64_t run = 0; run < w.cols / kRunSize; ++run) {
    const WeightRun weights = UnpackRun(w.format, w.row(row), run);
    for (int i = 0; i < kRunSize; ++i) *to++ = weights.weight(i);
  }
}

}  // namespace

void RowToFloats(const WeightRows& w, int64_t row, float* to) {
  const auto* const halves = reinterpret_cast<const uint16_t*>(w.row(row));
  switch (w.format) {
    case WeightFormat::kF32:
      std::memcpy(to, w.row(row), w.row_bytes());
      return;
    case WeightFormat::kBF16:
      for (int64_t i = 0; i < w.cols; ++i) to[i] = ToFloat(BF16{halves[i]});
      return;
    case WeightFormat::kF16:
      for (int64_t i = 0; i < w.cols; ++i) to[i] = HalfToFloat(halves[i]);
      return;
    default:
      Dequantise(w, row, to);
  }
}

}  // namespace octet
