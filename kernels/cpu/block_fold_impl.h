// Products of weights with counted scales on tile registers, written once for the instructions and
// for their model (tests/support/tile_model.h).

#ifndef OCTET_KERNELS_CPU_BLOCK_FOLD_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_FOLD_IMPL_H_

#include <cstdint>

#include "kernels/cpu/amx_impl.h"
#include "kernels/cpu/block_product_impl.h"

namespace octet {

// Multiplies rows by a pair of panels of Q4_K, Q5_K or Q6_K on the tile registers of T. The counts
// of scales are folded into the numbers, scale_count * q = low + 2^3 or 2^7 high, so that the
// products of a whole block stay in two tiles of sums for each panel: registers 0 to 3. The mins of
// Q4_K and Q5_K have a tile of sums for each panel (4 and 5). Tiles of x (6) and of weights (7)
// have 64 inputs. While the products of a tile of rows are made, the sums of the one before are
// scaled.
template <class S, class T>
class FoldedTileBlocks {
 public:
  static constexpr int kRows = kTileHeight;
  static constexpr int kInputsTogether = kTileRowBytes;
  static constexpr bool kSplitsSums = true;

  // Brings a chunk, which is a block, into the form of Multiply. The tile of min counts ends in
  // zeros, which meet what stands behind the sums of a row: those of the next one, or zeros.
  void Unpack(WeightFormat format, const std::byte* chunk, int64_t /*inputs*/,
              UnpackedPanel& panel) const {
    switch (format) {
      case WeightFormat::kQ4_K:
        UnpackRuns<WeightFormat::kQ4_K>(chunk, panel);
        return SpreadMinCounts(panel);
      case WeightFormat::kQ5_K:
        UnpackRuns<WeightFormat::kQ5_K>(chunk, panel);
        return SpreadMinCounts(panel);
      default:
        return UnpackHalves(chunk, panel);
    }
  }

  // Multiplies `tiles` tiles. product(i): of tile i, none of which has more rows than the first.
  template <class F>
  void Multiply(WeightFormat format, int64_t tiles, const F& product) {
    if (FormOf(format) == BlockForm::kCountedHalves) {
      return MultiplyRows<BlockForm::kCountedHalves>(tiles, product);
    }
    MultiplyRows<BlockForm::kCountedRuns>(tiles, product);
  }

 private:
  using Units = typename S::Units;
  using Vec = typename S::Vec;
  using Tile = BlockTile<FoldedTileBlocks>;

  static constexpr int kMins = 4;  // registers
  static constexpr int kSums = 6;
  static constexpr int kX = 6;
  static constexpr int kW = 7;
  static constexpr int kSumUnits = kTileHeight * 16;  // of a tile of sums
  static constexpr int kProducts = kMins * kActivationBlock / kTileRowBytes;

  // What is left to do with the tiles of sums of a product.
  struct Scaling {
    Scaling(const BlockProduct& b, const int32_t* sum_tiles)
        : rows(b.rows),
          tiles(sum_tiles),
          w(b.w),
          x_scales(reinterpret_cast<const float*>(b.x + Tile::Scales(b.rows))),
          sums{b.sums, b.sums + b.rows * 16},
          first(b.first) {}
    int64_t rows;
    const int32_t* tiles;  // [kSums][kTileHeight][16]
    const UnpackedPanel* w;
    const float* x_scales;
    float* sums[kPairPanels];
    bool first;
  };

  static constexpr int BitsOfLow(BlockForm form) {
    return form == BlockForm::kCountedHalves ? 7 : 3;
  }

  static inline __attribute__((always_inline)) void StoreFolded(int64_t step, Units low, Units high,
                                                                UnpackedPanel& panel) {
    S::StoreUnits(panel.folded[0] + step * 64, low);
    S::StoreUnits(panel.folded[1] + step * 64, high);
  }

  // Numbers of 5 bits by the lower and by the upper 3 bits of their count are bytes, so that one
  // product of words is two of bytes.
  template <WeightFormat kFormat>
  static void UnpackRuns(const std::byte* chunk, UnpackedPanel& panel) {
    const auto fold = [&](int64_t step, Units q) __attribute__((always_inline)) {
      const Units count = S::LoadUnits(panel.scale_counts[step / kStepsPerRun]);
      const Units seven = S::Set1Units(0x00070007);
      const Units low = S::And(count, seven);
      const Units high = S::And(S::template ShiftRight<3>(count), seven);
      StoreFolded(step, S::MulWords(q, low), S::MulWords(q, high), panel);
    };
    Unpacker<S>::template Unpack<kFormat>(chunk, 1, panel, fold);
  }

  // Products of 14 bits, whose lower 7 bits and whose upper ones, with their sign, become bytes.
  static void UnpackHalves(const std::byte* chunk, UnpackedPanel& panel) {
    const Units byte = S::Set1Units(0x00ff00ff);
    const Units upper = S::Set1Units(static_cast<int32_t>(0xff00ff00U));
    const Units seven_bits = S::Set1Units(0x007f007f);
    const auto fold = [&](int64_t step, Units q) __attribute__((always_inline)) {
      const Units count = S::LoadUnits(panel.scale_counts[step * 2 / kStepsPerRun]);
      const Units offset = S::MulWords(count, S::Set1Units(0x00200020));
      const Units even = S::SubWords(S::MulWords(S::And(q, byte), count), offset);
      const Units q_odd = S::And(S::template ShiftRight<8>(q), byte);
      const Units odd = S::SubWords(S::MulWords(q_odd, count), offset);
      const Units low =
          S::Or(S::And(even, seven_bits), S::template ShiftLeft<8>(S::And(odd, seven_bits)));
      const Units high = S::Or(S::And(S::template ShiftRight<7>(even), byte),
                               S::And(S::template ShiftLeft<1>(odd), upper));
      StoreFolded(step, low, high, panel);
    };
    Unpacker<S>::template Unpack<WeightFormat::kQ6_K>(chunk, 1, panel, fold);
  }

  // The counts as bfloat16, twice: for both parts of a sum (BlockTile::SplitSums).
  static void SpreadMinCounts(UnpackedPanel& panel) {
    for (int run = 0; run < kRunsOfBlock; ++run) {
      const auto pairs = S::LoadUnits(panel.pairs[run / 2]);
      const auto count =
          run % 2 == 0 ? S::And(pairs, S::Set1Units(0xffff)) : S::template ShiftRight<16>(pairs);
      const auto bits = S::AsUnits(S::ToFloats(count));
      S::StoreUnits(panel.min_tile[run], S::Or(bits, S::template ShiftRight<16>(bits)));
    }
  }

  void Configure(int rows) {
    if (rows == rows_) return;
    rows_ = rows;
    TileConfig config;
    for (int tile = 0; tile <= kW; ++tile) {
      config.rows[tile] = static_cast<uint8_t>(tile == kW ? kTileHeight : rows);
      config.row_bytes[tile] = kTileRowBytes;
    }
    tiles_.Configure(config);
  }

  // The products of rows that a tile does not have are not read.
  template <BlockForm kForm, class F>
  void MultiplyRows(int64_t tiles, const F& product) {
    WithTileHeight(product(0).rows,
                   [&]<int kHeight>() { MultiplyTiles<kForm, kHeight>(tiles, product); });
  }

  template <BlockForm kForm, int kTileRows, class F>
  void MultiplyTiles(int64_t tiles, const F& product) {
    Configure(kTileRows);
    alignas(64) int32_t sums[2][kSums * kSumUnits];  // of two tiles of rows in turn
    BlockProduct now = product(0);
    MultiplyTile<kForm>(now, sums[0], [](int) {});
    for (int64_t i = 1; i < tiles; ++i) {
      const Scaling before(now, sums[(i + 1) % 2]);
      now = product(i);
      MultiplyTile<kForm>(
          now, sums[i % 2], [&](int row) __attribute__((always_inline)) {
            if (row < kTileRows) ScaleRow<kForm>(before, row);
          });
    }
    const Scaling last(now, sums[(tiles + 1) % 2]);
    for (int row = 0; row < kTileRows; ++row) ScaleRow<kForm>(last, row);
  }

  // meanwhile(i): other work, in kProducts parts.
  template <BlockForm kForm, class F>
  inline __attribute__((always_inline)) void MultiplyTile(const BlockProduct& b, int32_t* sums,
                                                          const F& meanwhile) {
    ZeroSums();
    if constexpr (kForm == BlockForm::kCountedRuns) AddMins(b);
    AddProducts<kForm>(b, meanwhile);
    StoreSums<kForm>(sums);
  }

  inline __attribute__((always_inline)) void AddMins(const BlockProduct& b) {
    tiles_.template Load<kX, Tile::kSplitSumBytes>(b.x + Tile::SplitSums(b.rows));
    tiles_.template Load<kW>(b.w[0].min_tile);
    tiles_.template Dot<kMins, kX, kW>();
    tiles_.template Load<kW>(b.w[1].min_tile);
    tiles_.template Dot<kMins + 1, kX, kW>();
  }

  template <BlockForm kForm, int kProduct = 0, class F>
  inline __attribute__((always_inline)) void AddProducts(const BlockProduct& b,
                                                         const F& meanwhile) {
    if constexpr (kProduct < kProducts) {
      constexpr int kSum = kProduct % kMins;
      constexpr int kStep = kProduct / kMins;
      PrefetchPart(b, kProduct, kProducts);
      if constexpr (kSum == 0) {
        tiles_.template Load<kX>(b.x + Tile::Q(b.rows, kStep * kTileRowBytes, 0));
      }
      tiles_.template Load<kW>(b.w[kSum / 2].folded[kSum % 2] + kStep * kTileBytes);
      if constexpr (kForm == BlockForm::kCountedRuns) {
        tiles_.template DotUnsignedBytes<kSum, kX, kW>();
      } else {
        tiles_.template DotBytes<kSum, kX, kW>();
      }
      meanwhile(kProduct);
      AddProducts<kForm, kProduct + 1>(b, meanwhile);
    }
  }

  template <int kSum = 0>
  void ZeroSums() {
    if constexpr (kSum < kSums) {
      tiles_.template Zero<kSum>();
      ZeroSums<kSum + 1>();
    }
  }

  template <BlockForm kForm, int kSum = 0>
  void StoreSums(int32_t* sums) {
    if constexpr (kSum < (kForm == BlockForm::kCountedRuns ? kSums : kMins)) {
      tiles_.template Store<kSum>(sums + kSum * kSumUnits);
      StoreSums<kForm, kSum + 1>(sums);
    }
  }

  template <BlockForm kForm>
  static inline __attribute__((always_inline)) void ScaleRow(const Scaling& s, int row) {
    if (row >= s.rows) return;
    const Vec x_scale = S::Set1(s.x_scales[row]);
#pragma GCC unroll 2
    for (int p = 0; p < kPairPanels; ++p) {
      const auto sum_of = [&](int tile) {
        return S::LoadUnits(s.tiles + tile * kSumUnits + row * 16);
      };
      const Units high = S::template ShiftLeft<BitsOfLow(kForm)>(sum_of(2 * p + 1));
      const Vec sum = S::ToFloats(S::AddUnits(sum_of(2 * p), high));
      Vec t = S::Fma(S::Load(s.w[p].scales[0]), sum, S::Zero());
      if constexpr (kForm == BlockForm::kCountedRuns) {
        t = S::Fma(S::Load(s.w[p].mins[0]), S::AsFloats(sum_of(kMins + p)), t);
      }
      float* const y = s.sums[p] + row * 16;
      S::Store(y, S::Fma(x_scale, t, s.first ? S::Zero() : S::Load(y)));
    }
  }

  OwnedTiles<T> tiles_;
  int rows_ = 0;  // for which the tiles are configured
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_FOLD_IMPL_H_
