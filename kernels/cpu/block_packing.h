#ifndef OCTET_KERNELS_CPU_BLOCK_PACKING_H_
#define OCTET_KERNELS_CPU_BLOCK_PACKING_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/weight_format.h"

namespace octet {

// Writes a panel (kernels/cpu/block_panel.h) from rows as files have them. rows: [num_rows] of
// `cols` weights, at most 16; missing rows become zeros. stride: bytes.
void PackBlocks(WeightFormat format, const std::byte* rows, size_t stride, int num_rows,
                int64_t cols, std::byte* panel);

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_PACKING_H_
