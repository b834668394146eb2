// A reader of weights from the files of a checkpoint into memory.

#ifndef OCTET_RUNTIME_CHECKPOINT_WEIGHT_READER_H_
#define OCTET_RUNTIME_CHECKPOINT_WEIGHT_READER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/weight_packer.h"
#include "kernels/base/weight_rows.h"
#include "runtime/checkpoint/load_progress.h"
#include "runtime/checkpoint/mixtral_tensors.h"

namespace octet {

// One weight: its slices, stacked, and their destination, which is one of three.
struct WeightPiece {
  std::vector<const TensorSlice*> from;  // of the same format and width
  WeightRows* table = nullptr;
  std::span<float>* vector = nullptr;
  PackedMatrix* packed = nullptr;  // can be set beside a table, if the head is tied to it
  int64_t first_panel = 0;         // of `packed`, then every panel_step-th
  int64_t panel_step = 1;

  int64_t rows() const {
    int64_t sum = 0;
    for (const TensorSlice* slice : from) sum += slice->rows;
    return sum;
  }
  uint64_t row_bytes() const { return from[0]->row_bytes(); }
  uint64_t bytes() const { return rows() * row_bytes(); }
};

// Reads weights with all threads of the packer. Each thread packs what it has read. Returns the
// first error of any thread; after that, no thread begins another read.
absl::Status ReadWeights(std::span<const WeightPiece> pieces, WeightPacker& packer,
                         LoadCounter& counter);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_WEIGHT_READER_H_
