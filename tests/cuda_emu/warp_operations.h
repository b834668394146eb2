// What the lanes of a warp do together.

#ifndef OCTET_TESTS_CUDA_EMU_WARP_OPERATIONS_H_
#define OCTET_TESTS_CUDA_EMU_WARP_OPERATIONS_H_

#include <cstdint>
#include <cstring>

#include "tests/cuda_emu/block.h"

namespace octet::cuda_emu {

void SyncWarp(unsigned mask, const Site& site);

unsigned Ballot(unsigned mask, bool predicate, const Site& site);

// What the lane `source` gave. Of a lane that takes no part it is not defined, and a fault.
template <class T>
T Shuffle(unsigned mask, T value, int source, const Site& site) {
  struct Lane {
    T given;
    int source;
    T result;
  };
  Lane mine = {value, source, value};
  Block::Running().Collective(
      mask,
      [](void* const* lanes) {
        for (int l = 0; l < kWarpSize; ++l) {
          if (lanes[l] == nullptr) continue;
          Lane& lane = *static_cast<Lane*>(lanes[l]);
          if (const void* from = lanes[lane.source]) {
            lane.result = static_cast<const Lane*>(from)->given;
          } else {
            std::memset(&lane.result, 0xFF, sizeof(T));
            Block::Running().Fail("a shuffle reads a lane that takes no part");
          }
        }
      },
      &mine, site);
  return mine.result;
}

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32, with the fragments of the PTX ISA: d += a b.
// How a tensor core adds the products is not written down anywhere; here in pairs.
void MmaBf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site);

// ldmatrix.sync.aligned.m8n8.x4.shared.b16, or .trans. row: of lane l, row l % 8 of matrix l / 8.
void LoadMatrices(uint32_t (&out)[4], const void* row, bool transposed, const Site& site);

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_WARP_OPERATIONS_H_
