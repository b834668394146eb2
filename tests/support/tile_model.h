// The tile instructions of AMX, in loops.

#ifndef OCTET_TESTS_SUPPORT_TILE_MODEL_H_
#define OCTET_TESTS_SUPPORT_TILE_MODEL_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/cpu/amx_impl.h"
#include "kernels/cpu/cpu_kernels.h"

namespace octet {

// The tile registers of one thread, in place of AmxTiles (kernels/cpu/amx.cc). What the processor
// answers with a fault ends the process. Intel SDM volume 2: LDTILECFG, TILELOADD, TILESTORED,
// TILEZERO, TDPBF16PS, and the exception classes of AMX.
class TileModel {
 public:
  void Configure(const TileConfig& config);
  void Release();

  template <int kTile>
  void Zero() {
    Zero(kTile);
  }
  // Rows of the configured length, one each 64 bytes.
  template <int kTile>
  void Load(const void* rows) {
    Load(kTile, static_cast<const std::byte*>(rows));
  }
  template <int kTile>
  void Store(void* rows) {
    Store(kTile, static_cast<std::byte*>(rows));
  }
  template <int kSum, int kX, int kWeights>
  void Dot() {
    Dot(kSum, kX, kWeights);
  }

 private:
  static constexpr int kTiles = 8;
  using Row = std::array<std::byte, kTileRowBytes>;

  // #UD unless it has rows.
  void CheckTile(int tile) const;
  void Zero(int tile);
  void Load(int tile, const std::byte* rows);
  void Store(int tile, std::byte* rows) const;
  void Dot(int sum, int x, int w);
  float DotPairs(int x_row, int column, int x, int w) const;

  TileConfig config_ = {.palette = 0};
  std::array<std::array<Row, kTileHeight>, kTiles> tiles_ = {};
};

// The kernels of the amx path on this model, with the vectors of AVX2.
extern const CpuKernels kTileModelKernels;

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_TILE_MODEL_H_
