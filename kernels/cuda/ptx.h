// Instructions that CUDA C++ has no function for. The only inline PTX; the emulation of the tests
// has a counterpart of each (tests/cuda_emu/ptx.h).

#ifndef OCTET_KERNELS_CUDA_PTX_H_
#define OCTET_KERNELS_CUDA_PTX_H_

#include <cstdint>

#include "kernels/cuda/device.h"

#ifdef __CUDACC__

namespace octet::ptx {

OCTET_DEVICE uint32_t SharedAddress(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

// Begins to copy 16 bytes from global to shared memory, or zeros where they are not there.
OCTET_DEVICE void CpAsync16(void* to, const void* from, bool is_there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(SharedAddress(to)), "l"(from),
               "r"(is_there ? 16 : 0)
               : "memory");
}

// What this thread has begun to copy since the last call becomes a group.
OCTET_DEVICE void CpAsyncCommit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// All of its groups have come, but for the last kPending.
template <int kPending>
OCTET_DEVICE void CpAsyncWait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// Four 8 x 8 matrices of 16 bits: lane l gives the address of row l % 8 of matrix l / 8.
OCTET_DEVICE void LoadMatrices(uint32_t (&out)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(SharedAddress(row))
               : "memory");
}

OCTET_DEVICE void LoadTransposedMatrices(uint32_t (&out)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(SharedAddress(row))
               : "memory");
}

// d += a b of a warp: a 16 x 16, b 16 x 8, d 16 x 8.
OCTET_DEVICE void MmaBf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same number. The compiler can't compute what follows from it before a loop, which would keep
// registers.
OCTET_DEVICE unsigned NotBefore(unsigned x) {
  asm volatile("" : "+r"(x));
  return x;
}

}  // namespace octet::ptx

#endif  // __CUDACC__

#endif  // OCTET_KERNELS_CUDA_PTX_H_
