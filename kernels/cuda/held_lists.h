// The lists of a step on a CUDA device.

#ifndef OCTET_KERNELS_CUDA_HELD_LISTS_H_
#define OCTET_KERNELS_CUDA_HELD_LISTS_H_

#include <cstdint>
#include <span>

#include "kernels/base/step_lists.h"
#include "kernels/cuda/sequence_lists.h"
#include "kernels/cuda/upload_ring.h"

namespace octet::cuda {

// A copy of StepLists, found by the lists of the host that it copies. Copies of lists of the same
// sizes lie at the same places while num_moves() is the same.
class HeldLists {
 public:
  // Work that was begun before reads the old copies.
  void Hold(const StepLists& lists, const Stream& stream, UploadRing& ring);

  // Forgets the lists of the host.
  void Forget() { lists_ = {}; }

  // Null: it has no copy.
  const int32_t* Find(std::span<const int32_t> list) const;
  const SequenceLists* Find(std::span<const SequenceSpan> spans) const;

  int64_t num_moves() const { return num_moves_ + sequences_.num_moves(); }

 private:
  StepLists lists_;
  Buffer memory_;    // tokens, then positions, then logit_rows
  size_t room_ = 0;  // bytes from one list to the next
  int64_t num_moves_ = 0;
  SequenceLists sequences_;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_HELD_LISTS_H_
