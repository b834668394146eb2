#include "kernels/base/weight_rows.h"

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
  if (IsQuantised(w.format)) return Dequantise(w, row, to);
  const DType dtype = ElementType(w.format);
  for (int64_t i = 0; i < w.cols; ++i) to[i] = ReadFloat(w.row(row) + i * SizeOf(dtype), dtype);
}

}  // namespace octet
