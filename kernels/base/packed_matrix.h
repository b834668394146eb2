// Weights in the order in which the dot-product instructions read them.

#ifndef OCTET_KERNELS_BASE_PACKED_MATRIX_H_
#define OCTET_KERNELS_BASE_PACKED_MATRIX_H_

#include <cstddef>
#include <cstdint>

#include "kernels/base/buffer.h"
#include "kernels/base/weight_format.h"

namespace octet {

// The version of the layout below, of ExpertWeights, and of the order of the replicated weights in
// their memory (runtime/checkpoint/weights.cc). Increase it with each change of one of them,
// because packed weights are kept as files (runtime/checkpoint/pack_cache.h).
inline constexpr int kPackedLayout = 1;

// The weight [rows, cols] (outputs, inputs) of y = x W^T as panels of 16 outputs, zero-padded at
// the end:
//
//   float32   panel[k][16]
//   bfloat16  panel[k / 2][16][2], 16 such rows being an AMX tile
//   quantised kernels/cpu/block_panel.h
//
// so that one 64-byte vector holds one input (or pair of inputs) of 16 outputs. On a CUDA device,
// the same panels are row-major inside (kernels/cuda/weights.h), and none is quantised.
struct PackedMatrix {
  static constexpr int64_t kPanel = 16;

  Buffer buffer;
  WeightFormat format = WeightFormat::kF32;  // not float16
  int64_t rows = 0;
  int64_t cols = 0;

  static size_t PanelBytes(WeightFormat format, int64_t cols) {
    return kPanel * RowBytes(format, format == WeightFormat::kBF16 ? (cols + 1) / 2 * 2 : cols);
  }
  static size_t Bytes(WeightFormat format, int64_t rows, int64_t cols) {
    return static_cast<size_t>((rows + kPanel - 1) / kPanel) * PanelBytes(format, cols);
  }

  // Returns the type of the elements of a weight that is not quantised.
  DType dtype() const { return ElementType(format); }
  int64_t num_panels() const { return (rows + kPanel - 1) / kPanel; }
  size_t panel_bytes() const { return PanelBytes(format, cols); }
  std::byte* panel(int64_t p) const {
    return buffer.data() + static_cast<size_t>(p) * panel_bytes();
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_PACKED_MATRIX_H_
