// Products of quantised weights on tile registers, written once for the instructions and for their
// model (tests/support/tile_model.h).

#ifndef OCTET_KERNELS_CPU_BLOCK_TILES_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_TILES_IMPL_H_

#include <cstdint>

#include "kernels/cpu/amx_impl.h"
#include "kernels/cpu/block_multiply_impl.h"

namespace octet {

// Multiplies up to 16 rows by panels on the tile registers of T. A unit of work is one run of one
// panel: a tile of x (register 6) by a tile of weights (7), whose sums of integers leave a register
// of their own (0 to 5) through memory, because each run has scales of its own. Three units later
// than its product a unit is stored, and three units after that it is scaled: without the delays
// each step would wait for the one before. The memory is as small as can be, because a load waits
// for earlier stores whose addresses have the same lower 12 bits.
template <class S, class T>
class TileBlocks {
 public:
  static constexpr int kRows = kTileHeight;
  static constexpr int kInputsTogether = kRunSize;

  TileBlocks() = default;
  TileBlocks(const TileBlocks&) = delete;
  TileBlocks& operator=(const TileBlocks&) = delete;
  // The next code on this thread then pays nothing for the state of tiles.
  ~TileBlocks() {
    if (rows_ != 0) tiles_.Release();
  }

  // Brings an unpacked block of `runs` runs into the form of Multiply: signed numbers, and whole
  // blocks of runs, of which the last ones are zeros.
  void Prepare(WeightFormat format, int runs, UnpackedPanel& panel) const {
    const auto offset = static_cast<uint32_t>(OffsetOf(format));
    if (offset == 0 && runs == kRunsOfBlock) return;
    const auto offsets = S::Set1Units(static_cast<int32_t>(offset * 0x01010101U));
    for (int step = 0; step < runs * kStepsPerRun; ++step) {
      S::StoreUnits(panel.room + step * 64,
                    S::SubtractBytes(S::LoadUnits(panel.q + step * 64), offsets));
    }
    for (int run = runs; run < kRunsOfBlock; ++run) {
      for (int step = 0; step < kStepsPerRun; ++step) {
        S::StoreUnits(panel.room + (run * kStepsPerRun + step) * 64, S::ZeroUnits());
      }
      S::Store(panel.scales[run], S::Zero());
    }
    panel.q = panel.room;
  }

  void Multiply(WeightFormat format, const BlockProduct& b) {
    switch (FormOf(format)) {
      case BlockForm::kRunMins:
        return MultiplyRows<BlockForm::kRunMins>(b);
      case BlockForm::kBlockMins:
        return MultiplyRows<BlockForm::kBlockMins>(b);
      default:
        return MultiplyRows<BlockForm::kNarrow>(b);
    }
  }

  // Full tiles, and as many independent sums as there are registers for.
  static double DotProductLoop(int64_t rounds) {
    TileBlocks m;
    m.Configure(kTileHeight, kTileRowBytes);
    alignas(64) const std::byte zeros[kTileBytes] = {};
    m.ZeroAll();
    m.tiles_.template Load<kX>(zeros);
    m.tiles_.template Load<kW>(zeros);
    for (int64_t i = 0; i < rounds; ++i) m.DotAll();
    return 2.0 * kSums * kTileHeight * 16 * kTileRowBytes * static_cast<double>(rounds);
  }

 private:
  using Vec = typename S::Vec;
  using Tile = BlockTile<TileBlocks>;
  static constexpr int kSums = 6;  // registers
  static constexpr int kX = 6;
  static constexpr int kW = 7;
  static constexpr int kUnits = kPairPanels * kRunsOfBlock;
  static constexpr int kStoreDelay = kSums / 2;
  static constexpr int kScaleDelay = kSums;
  static constexpr int kStored = kScaleDelay - kStoreDelay;  // units in memory

  // Registers of `rows` rows, and tiles of weights of `inputs` inputs.
  void Configure(int rows, int inputs) {
    if (rows == rows_) return;
    rows_ = rows;
    TileConfig config;
    for (int tile = 0; tile < kX; ++tile) {
      config.rows[tile] = static_cast<uint8_t>(rows);
      config.row_bytes[tile] = kTileRowBytes;
    }
    config.rows[kX] = static_cast<uint8_t>(rows);
    config.row_bytes[kX] = static_cast<uint16_t>(inputs);
    config.rows[kW] = static_cast<uint8_t>(inputs / kInputsPerStep);
    config.row_bytes[kW] = kTileRowBytes;
    tiles_.Configure(config);
  }

  template <int kSum = 0>
  void ZeroAll() {
    if constexpr (kSum < kSums) {
      tiles_.template Zero<kSum>();
      ZeroAll<kSum + 1>();
    }
  }
  template <int kSum = 0>
  void DotAll() {
    if constexpr (kSum < kSums) {
      tiles_.template DotBytes<kSum, kX, kW>();
      DotAll<kSum + 1>();
    }
  }

  // Takes a multiple of four rows: the products of rows that the tile does not have are not read.
  template <BlockForm kForm>
  void MultiplyRows(const BlockProduct& b) {
    if (b.rows <= 8) return MultiplyTile<kForm, 8>(b);
    if (b.rows <= 12) return MultiplyTile<kForm, 12>(b);
    return MultiplyTile<kForm, 16>(b);
  }

  // t: of the panel that is scaled.
  template <int kPaddedRows>
  using Rows = Vec[kPaddedRows];

  template <BlockForm kForm, int kPaddedRows>
  void MultiplyTile(const BlockProduct& b) {
    Configure(kPaddedRows, kRunSize);
    alignas(64) int32_t sums[kStored * kTileHeight * 16];
    Rows<kPaddedRows> t;
    RunUnits<kForm, kPaddedRows, 0>(b, sums, t);
  }

  template <BlockForm kForm, int kPaddedRows, int kUnit>
  inline __attribute__((always_inline)) void RunUnits(const BlockProduct& b, int32_t* sums,
                                                      Rows<kPaddedRows>& t) {
    if constexpr (kUnit < kUnits + kScaleDelay) {
      if constexpr (kUnit >= kScaleDelay) {
        constexpr int kScaled = kUnit - kScaleDelay;
        ScaleUnit<kForm, kPaddedRows, kScaled>(b, sums + kScaled % kStored * kTileHeight * 16, t);
      }
      if constexpr (kUnit >= kStoreDelay && kUnit < kUnits + kStoreDelay) {
        constexpr int kDone = kUnit - kStoreDelay;
        tiles_.template Store<kDone % kSums>(sums + kDone % kStored * kTileHeight * 16);
      }
      if constexpr (kUnit < kUnits) StartUnit<kUnit>(b);
      RunUnits<kForm, kPaddedRows, kUnit + 1>(b, sums, t);
    }
  }

  template <int kUnit>
  inline __attribute__((always_inline)) void StartUnit(const BlockProduct& b) {
    constexpr int kPanel = kUnit / kRunsOfBlock;
    constexpr int kRun = kUnit % kRunsOfBlock;
    constexpr int kSum = kUnit % kSums;
    PrefetchPart(b, kUnit, kUnits);
    tiles_.template Load<kX, kRunSize>(b.x + Tile::Q(b.rows, kRun * kRunSize, 0));
    tiles_.template Load<kW>(b.w[kPanel].q + kRun * kStepsPerRun * 64);
    tiles_.template Zero<kSum>();
    tiles_.template DotBytes<kSum, kX, kW>();
  }

  template <BlockForm kForm, int kPaddedRows, int kUnit>
  inline __attribute__((always_inline)) void ScaleUnit(const BlockProduct& b, const int32_t* sums,
                                                       Rows<kPaddedRows>& t) {
    constexpr int kPanel = kUnit / kRunsOfBlock;
    constexpr int kRun = kUnit % kRunsOfBlock;
    const Vec scale = S::Load(b.w[kPanel].scales[kRun]);
#pragma GCC unroll 16
    for (int r = 0; r < kPaddedRows; ++r) {
      const Vec before = kRun == 0 ? S::Zero() : t[r];
      t[r] = S::Fma(scale, S::ToFloats(S::LoadUnits(sums + r * 16)), before);
    }
    if constexpr (kRun == kRunsOfBlock - 1) {
      using End = BlockEnd<S, TileBlocks, kPaddedRows>;
      if constexpr (kForm == BlockForm::kRunMins) End::AddRunMins(b, b.rows, kPanel, t);
      if constexpr (kForm == BlockForm::kBlockMins) End::AddBlockMins(b, b.rows, kPanel, t);
      End::AddToSums(b, b.rows, kPanel, t);
    }
  }

  T tiles_;
  int rows_ = 0;  // for which the tiles are configured
};

// The multiplications of a path with tile registers. Few rows do not pay for a second form of the
// weights. The half runs of Q6_K fill a quarter of a tile, and take as long as a full one.
template <class S, class T>
struct TileBlocksForManyRows {
  template <class F>
  static auto With(WeightFormat format, int64_t rows, const F& f) {
    if (rows <= 2 * VectorBlocks<S>::kRows || format == WeightFormat::kQ6_K) {
      return f.template operator()<VectorBlocks<S>>();
    }
    return f.template operator()<TileBlocks<S, T>>();
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_TILES_IMPL_H_
