// The counterparts of kernels/cuda/ptx.h.

#ifndef OCTET_TESTS_CUDA_EMU_PTX_H_
#define OCTET_TESTS_CUDA_EMU_PTX_H_

#include <cstdint>

#include "tests/cuda_emu/warp_operations.h"

namespace octet::ptx {

inline void CpAsync16(void* to, const void* from, bool is_there) {
  constexpr size_t kBytes = 16;
  cuda_emu::Block& block = cuda_emu::Block::Running();
  if (!block.shared().IsInBounds(to, kBytes)) block.Fail("cp.async to no shared memory");
  block.copies().Begin(to, from, kBytes, is_there ? kBytes : 0);
}

inline void CpAsyncCommit() { cuda_emu::Block::Running().copies().Commit(); }

template <int kPending>
void CpAsyncWait(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (!cuda_emu::Emulation::Device().Meet({file, line})) return;
  cuda_emu::Block::Running().copies().Wait(kPending);
}

inline void LoadMatrices(uint32_t (&out)[4], const void* row, const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
  cuda_emu::LoadMatrices(out, row, /*transposed=*/false, {file, line});
}

inline void LoadTransposedMatrices(uint32_t (&out)[4], const void* row,
                                   const char* file = __builtin_FILE(),
                                   int line = __builtin_LINE()) {
  cuda_emu::LoadMatrices(out, row, /*transposed=*/true, {file, line});
}

inline void MmaBf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                    const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  cuda_emu::MmaBf16(d, a, b, {file, line});
}

inline unsigned NotBefore(unsigned x) { return x; }

}  // namespace octet::ptx

#endif  // OCTET_TESTS_CUDA_EMU_PTX_H_
