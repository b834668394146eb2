// The packer that brings weights from files to the memory in which a backend uses them.

#ifndef OCTET_KERNELS_BASE_WEIGHT_PACKER_H_
#define OCTET_KERNELS_BASE_WEIGHT_PACKER_H_

#include <absl/functional/function_ref.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/expert_weights.h"
#include "kernels/base/matrix.h"

namespace octet {

// Rows of a quantised weight as files have them.
struct BlockRows {
  const std::byte* data = nullptr;
  size_t stride = 0;  // bytes from row to row
  int num_rows = 0;   // at most 16
};

// The threads of the host that read, check and pack weights.
class WeightPacker {
 public:
  virtual ~WeightPacker() = default;

  virtual int num_threads() const = 0;

  // Calls f(thread, i) for each 0 <= i < n, in roughly ascending order, on whichever thread is
  // free. Thread 0 is the caller. f must not call an operation of the backend.
  virtual void ForEach(int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f) = 0;

  // Writes a panel of w from its rows [at most 16, w.cols] of any dtype, rounded if w is bfloat16.
  // Missing rows become zeros. Any thread may call it.
  virtual void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) = 0;

  // Writes a panel of w from rows of its format, which is quantised. Missing rows become zeros. Any
  // thread may call it.
  virtual void PackBlocks(BlockRows rows, int64_t panel, PackedMatrix& w) = 0;

  // Returns which of the panel's outputs the element at `index` of a packed panel of w belongs to.
  virtual int64_t OutputOf(const PackedMatrix& w, size_t index) = 0;

  // Copies between the host and the memory in which the backend uses weights. Any thread may call
  // them. Read returns the bytes themselves if they are the host's, otherwise a copy in `room`.
  virtual void Write(std::span<const std::byte> from, std::byte* to) = 0;
  virtual std::span<const std::byte> Read(std::span<const std::byte> from,
                                          std::vector<std::byte>& room) = 0;

  // Packs rows [some outputs, w.cols]: every 16 of them, and the rest at the end, become a panel of
  // w: panel first_panel, and then every panel_step-th.
  void Pack(ConstMatrix rows, int64_t first_panel, int64_t panel_step, PackedMatrix& w);
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_WEIGHT_PACKER_H_
