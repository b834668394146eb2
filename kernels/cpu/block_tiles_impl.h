// Products of quantised weights on tile registers, written once for the instructions and for their
// model (tests/support/tile_model.h).

#ifndef OCTET_KERNELS_CPU_BLOCK_TILES_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_TILES_IMPL_H_

#include <cstdint>

#include "kernels/cpu/amx_impl.h"
#include "kernels/cpu/block_fold_impl.h"
#include "kernels/cpu/block_multiply_impl.h"

namespace octet {

// Multiplies rows by a pair of panels on the tile registers of T. A unit of work is one run of one
// panel and of one tile of up to 16 rows: a tile of x (register 6) by a tile of weights (7), whose
// sums of integers leave a register of their own (0 to 3) through memory, because each run has
// scales of its own. Where numbers have an offset, x by a tile that is full of it (5) is taken off.
// Two units later than its product a unit is stored, and three units after that it is scaled:
// without the delays each step would wait for the one before. The units of all tiles are one
// stream, so that this is paid once.
//
// While tile registers are in use, the processor does float32 products, conversions and VNNI on one
// port instead of two (measured on Sapphire Rapids), which bounds the scaling.
template <class S, class T>
class TileBlocks {
 public:
  static constexpr int kRows = kTileHeight;
  static constexpr int kInputsTogether = kRunSize;
  static constexpr bool kSplitsSums = false;

  // Brings a chunk of `inputs` inputs into the form of Multiply: whole blocks of runs, of which the
  // last ones are zeros.
  void Unpack(WeightFormat format, const std::byte* chunk, int64_t inputs,
              UnpackedPanel& panel) const {
    UnpackChunk<S>(format, chunk, inputs, panel);
    const auto runs = static_cast<int>(inputs / kRunSize);
    if (runs == kRunsOfBlock) return;
    for (int step = 0; step < runs * kStepsPerRun; ++step) {
      S::StoreUnits(panel.room + step * 64, S::LoadUnits(panel.q + step * 64));
    }
    for (int run = runs; run < kRunsOfBlock; ++run) {
      for (int step = 0; step < kStepsPerRun; ++step) {
        S::StoreUnits(panel.room + (run * kStepsPerRun + step) * 64, S::ZeroUnits());
      }
      S::Store(panel.scales[run], S::Zero());
    }
    panel.q = panel.room;
  }

  // Multiplies `tiles` tiles. product(i): of tile i, none of which has more rows than the first.
  template <class F>
  void Multiply(WeightFormat format, int64_t tiles, const F& product) {
    if (FormOf(format) == BlockForm::kRunMins) {
      return MultiplyRows<BlockForm::kRunMins>(tiles, product);
    }
    MultiplyRows<BlockForm::kNarrow>(tiles, product);
  }

  // Full tiles, and as many independent sums as there are registers for.
  static double DotProductLoop(int64_t rounds) {
    TileBlocks m;
    m.Configure(kTileHeight, kTileRowBytes, 0);
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
  static constexpr int kSums = 4;  // registers
  static constexpr int kOffset = 5;
  static constexpr int kX = 6;
  static constexpr int kW = 7;
  static constexpr int kStoreDelay = 2;  // units
  static constexpr int kScaleDelay = 5;

  // One panel of one tile.
  struct Group {
    BlockProduct b;
    int panel;
  };

  // The units of a group take registers and memory in turn. The memory is as small as can be,
  // because a load waits for earlier stores whose addresses have the same lower 12 bits.
  static constexpr int kUnits = kRunsOfBlock;
  static_assert(kUnits % kSums == 0 && kStoreDelay < kSums && kScaleDelay - kStoreDelay <= kSums);

  // Which steps of a group's time there are: before the first group nothing waits.
  enum class Part { kFirst, kAll, kLast };

  // Registers of `rows` rows, and tiles of weights of `inputs` inputs.
  void Configure(int rows, int inputs, int offset) {
    if (rows == rows_ && offset == offset_) return;
    rows_ = rows;
    offset_ = offset;
    TileConfig config;
    const auto set = [&config](int tile, int tile_rows, int row_bytes) {
      config.rows[tile] = static_cast<uint8_t>(tile_rows);
      config.row_bytes[tile] = static_cast<uint16_t>(row_bytes);
    };
    for (int sum = 0; sum < kSums; ++sum) set(sum, rows, kTileRowBytes);
    set(kX, rows, inputs);
    for (const int weights : {kOffset, kW}) set(weights, inputs / kInputsPerStep, kTileRowBytes);
    tiles_.Configure(config);
    alignas(64) std::byte offsets[kTileBytes];
    std::memset(offsets, -offset, sizeof(offsets));
    tiles_.template Load<kOffset>(offsets);
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

  // The products of rows that a tile does not have are not read.
  template <BlockForm kForm, class F>
  void MultiplyRows(int64_t tiles, const F& product) {
    WithTileHeight(product(0).rows,
                   [&]<int kHeight>() { MultiplyTiles<kForm, kHeight>(tiles, product); });
  }

  template <BlockForm kForm, int kRows, class F>
  void MultiplyTiles(int64_t tiles, const F& product) {
    Configure(kRows, kRunSize, product(0).offset);
    alignas(64) int32_t sums[kSums * kTileHeight * 16];
    Vec t[kRows];  // of the panel that is scaled
    Group now = {.b = product(0), .panel = 0};
    Group before = now;
    RunUnits<kForm, kRows, Part::kFirst>(before, now, sums, t);
    for (int64_t g = 1; g < tiles * kPairPanels; ++g) {
      before = now;
      now.panel = static_cast<int>(g % kPairPanels);
      if (now.panel == 0) now.b = product(g / kPairPanels);
      RunUnits<kForm, kRows, Part::kAll>(before, now, sums, t);
    }
    RunUnits<kForm, kRows, Part::kLast>(now, now, sums, t);
  }

  template <BlockForm kForm, int kRows, Part kPart, int kUnit = 0>
  inline __attribute__((always_inline)) void RunUnits(const Group& before, const Group& now,
                                                      int32_t* sums, Vec (&t)[kRows]) {
    if constexpr (kUnit < kUnits) {
      constexpr int kScaled = (kUnit + kUnits - kScaleDelay) % kUnits;
      constexpr int kStored = (kUnit + kUnits - kStoreDelay) % kUnits;
      if constexpr (Takes(kPart, kUnit < kScaleDelay)) {
        const Group& group = kUnit < kScaleDelay ? before : now;
        ScaleUnit<kForm, kRows, kScaled>(group, sums + kScaled % kSums * kTileHeight * 16, t);
      }
      if constexpr (Takes(kPart, kUnit < kStoreDelay)) {
        tiles_.template Store<kStored % kSums>(sums + kStored % kSums * kTileHeight * 16);
      }
      if constexpr (kPart != Part::kLast) StartUnit<kForm, kUnit>(now);
      RunUnits<kForm, kRows, kPart, kUnit + 1>(before, now, sums, t);
    }
  }

  // of_before: the step belongs to a unit of the group before.
  static constexpr bool Takes(Part part, bool of_before) {
    return part == Part::kAll || (part == Part::kLast) == of_before;
  }

  template <BlockForm kForm, int kUnit>
  inline __attribute__((always_inline)) void StartUnit(const Group& group) {
    constexpr int kSum = kUnit % kSums;
    const BlockProduct& b = group.b;
    const UnpackedPanel& w = b.w[group.panel];
    PrefetchPart(b, group.panel * kUnits + kUnit, kPairPanels * kUnits);
    tiles_.template Zero<kSum>();
    tiles_.template Load<kX, kRunSize>(b.x + Tile::Q(b.rows, kUnit * kRunSize, 0));
    tiles_.template Load<kW>(w.q + kUnit * kStepsPerRun * 64);
    if constexpr (kForm == BlockForm::kNarrow) {
      tiles_.template DotUnsignedBytes<kSum, kX, kW>();
      tiles_.template DotBytes<kSum, kX, kOffset>();
    } else {
      tiles_.template DotBytes<kSum, kX, kW>();
    }
  }

  template <BlockForm kForm, int kRows, int kUnit>
  inline __attribute__((always_inline)) void ScaleUnit(const Group& group, const int32_t* sums,
                                                       Vec (&t)[kRows]) {
    const BlockProduct& b = group.b;
    const UnpackedPanel& w = b.w[group.panel];
    const Vec scale = S::Load(w.scales[kUnit]);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec sum = S::ToFloats(S::LoadUnits(sums + r * 16));
      t[r] = S::Fma(scale, sum, kUnit == 0 ? S::Zero() : t[r]);
    }
    if constexpr (kUnit == kUnits - 1) {
      using End = BlockEnd<S, TileBlocks, kRows>;
      if constexpr (kForm == BlockForm::kRunMins) End::AddRunMins(b, b.rows, group.panel, t);
      End::AddToSums(b, b.rows, group.panel, t);
    }
  }

  OwnedTiles<T> tiles_;
  int rows_ = 0;  // for which the tiles are configured
  int offset_ = 0;
};

// The multiplications of a path with tile registers. Few rows do not pay for a second form of the
// weights.
template <class S, class T>
struct TileBlocksForManyRows {
  using DotProducts = TileBlocks<S, T>;  // whose loop is the bound

  template <class F>
  static auto With(WeightFormat format, int64_t rows, const F& f) {
    if (rows <= 2 * VectorBlocks<S>::kRows) return f.template operator()<VectorBlocks<S>>();
    if (HasCounts(FormOf(format))) return f.template operator()<FoldedTileBlocks<S, T>>();
    return f.template operator()<TileBlocks<S, T>>();
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_TILES_IMPL_H_
