#ifndef OCTET_KERNELS_BASE_WEIGHT_QUANTISER_H_
#define OCTET_KERNELS_BASE_WEIGHT_QUANTISER_H_

#include <cstddef>
#include <span>

#include "kernels/base/weight_format.h"

namespace octet {

// Rounds a row to blocks of Q8_0 or Q4_0, as quantize_row_q8_0_ref and quantize_row_q4_0_ref of
// llama.cpp do (ggml-quants.c), but by the d that is stored, to the nearest, ties to even:
//
//   Q8_0  d = the greatest magnitude / 127
//   Q4_0  d = the weight of the greatest magnitude / -8, so that it becomes 0
//
// x: whole blocks. row: RowBytes(format, x.size()) bytes. A block with a number that is not finite
// gets NaN as d.
void QuantiseRow(WeightFormat format, std::span<const float> x, std::byte* row);

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_WEIGHT_QUANTISER_H_
