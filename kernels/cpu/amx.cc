#include "kernels/cpu/amx_impl.h"
#include "kernels/cpu/block_tiles_impl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/vec_avx512.h"

namespace octet {

// The vectors for all work except products of bfloat16 and of quantised weights.
struct Amx : Avx512Bf16 {
  // On Sapphire Rapids one sequence of Q4_K decodes a tenth faster than with the values of Zen 5.
  static constexpr int64_t kBytesAhead = 8192;
  static constexpr int kEarlyPercent = 0;
};

// The tile instructions on registers named at compile time. They do not use the intrinsics: those
// of GCC 12 take only literal numbers, and its _tile_loadconfig claims to read 8 bytes, so that the
// compiler may drop stores to the other 56.
struct AmxTiles {
  static void Configure(const TileConfig& config) { asm volatile("ldtilecfg %0" : : "m"(config)); }
  static void Release() { asm volatile("tilerelease"); }

  template <int kTile>
  static void Zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  // kStride: bytes from one row to the next.
  template <int kTile, int kStride = kTileRowBytes>
  static void Load(const void* rows) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(rows), "r"(int64_t{kStride}), "i"(kTile)
                 : "memory");
  }
  // Memory that need not stay in the L1 cache.
  template <int kTile>
  static void LoadOnce(const void* rows) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(rows), "r"(int64_t{kTileRowBytes}), "i"(kTile)
                 : "memory");
  }
  template <int kTile>
  static void Store(void* rows) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(rows), "r"(int64_t{kTileRowBytes}), "i"(kTile)
                 : "memory");
  }
  // Pairs of bfloat16.
  template <int kSum, int kX, int kWeights>
  static void Dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kX), "i"(kWeights));
  }
  // Fours of signed bytes.
  template <int kSum, int kX, int kWeights>
  static void DotBytes() {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kX), "i"(kWeights));
  }
  // Fours of signed bytes by fours of unsigned ones.
  template <int kSum, int kX, int kWeights>
  static void DotUnsignedBytes() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kX), "i"(kWeights));
  }
};

constinit const CpuKernels kAmxKernels =
    MakeKernels<Amx, TileDot<Amx, AmxTiles>, TileBlocksForManyRows<Amx, AmxTiles>>();

}  // namespace octet
