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
// TILEZERO, TDPBF16PS, TDPBSSD, TDPBSUD, and the exception classes of AMX.
class TileModel {
 public:
  void Configure(const TileConfig& config);
  void Release();

  template <int kTile>
  void Zero() {
    Zero(kTile);
  }
  // Rows of the configured length, one each kStride bytes.
  template <int kTile, int kStride = kTileRowBytes>
  void Load(const void* rows) {
    Load(kTile, static_cast<const std::byte*>(rows), kStride);
  }
  template <int kTile>
  void LoadOnce(const void* rows) {
    Load<kTile>(rows);
  }
  template <int kTile>
  void Store(void* rows) {
    Store(kTile, static_cast<std::byte*>(rows));
  }
  template <int kSum, int kX, int kWeights>
  void Dot() {
    Dot(kSum, kX, kWeights);
  }
  template <int kSum, int kX, int kWeights>
  void DotBytes() {
    DotBytes<int8_t>(kSum, kX, kWeights);
  }
  template <int kSum, int kX, int kWeights>
  void DotUnsignedBytes() {
    DotBytes<uint8_t>(kSum, kX, kWeights);
  }

 private:
  static constexpr int kTiles = 8;
  using Row = std::array<std::byte, kTileRowBytes>;

  // #UD unless it has rows.
  void CheckTile(int tile) const;
  void Zero(int tile);
  void Load(int tile, const std::byte* rows, int stride);
  void Store(int tile, std::byte* rows) const;
  // #UD unless the shapes match.
  void CheckDot(int sum, int x, int w) const;
  void Dot(int sum, int x, int w);
  float DotPairs(int x_row, int column, int x, int w) const;
  // Byte: of the weights.
  template <class Byte>
  void DotBytes(int sum, int x, int w);
  template <class Byte>
  int32_t DotFours(int x_row, int column, int x, int w) const;
  // Adds number(row, column) to each element of type N.
  template <class N, class F>
  void AddToTile(int tile, F number);

  TileConfig config_ = {.palette = 0};
  std::array<std::array<Row, kTileHeight>, kTiles> tiles_ = {};
};

// The kernels of the amx path on this model, with the vectors of AVX2.
extern const CpuKernels kTileModelKernels;

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_TILE_MODEL_H_
