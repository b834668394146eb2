#include "runtime/checkpoint/stored_rows.h"

namespace octet {
namespace {

void Dequantise(const StoredRows& from, float* to) {
  for (int64_t r = 0; r < from.rows; ++r) {
    for (int64_t run = 0; run < from.cols / kRunSize; ++run) {
      const WeightRun weights = UnpackRun(from.format, from.row(r), run);
      for (int i = 0; i < kRunSize; ++i) *to++ = weights.weight(i);
    }
  }
}

}  // namespace

void ToFloats(const StoredRows& from, std::vector<float>& to) {
  const auto* floats = reinterpret_cast<const float*>(from.data);
  const auto* halves = reinterpret_cast<const uint16_t*>(from.data);
  to.resize(from.rows * from.cols);
  if (IsQuantised(from.format)) return Dequantise(from, to.data());
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = from.format == WeightFormat::kF32    ? floats[i]
            : from.format == WeightFormat::kBF16 ? ToFloat(BF16{halves[i]})
                                                 : HalfToFloat(halves[i]);
  }
}

}  // namespace octet
