// Products of rows of 8 bits and quantised weights, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_MATMUL_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_MATMUL_IMPL_H_

#include <cstdint>

#include "kernels/cpu/block_multiply_impl.h"
#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/matmul_impl.h"

namespace octet {

// The part of a product that one thread computes: tiles [first_tile, last_tile) by panels
// [first_panel, last_panel), a pair of panels at a time. M: VectorBlocks or TileBlocks.
template <class S, class M>
class BlockMatmul {
 public:
  using Tiling = Tiles<BlockTiling<M>>;

  explicit BlockMatmul(const MatmulArgs& a)
      : a_(a),
        tiles_(a.rows),
        block_bytes_(static_cast<int64_t>(RowBytes(a.format, kActivationBlock)) * kBlockLanes),
        panels_((a.last_panel - a.first_panel + 1) / kPairPanels * kPairPanels) {}

  void Run(int64_t first_tile, int64_t last_tile) {
    first_tile_ = first_tile;
    last_tile_ = last_tile;
    const int64_t rows = tiles_.FirstRow(last_tile) - tiles_.FirstRow(first_tile);
    // The blocks of x that stay in the L2 cache while panels change.
    const auto room = static_cast<int64_t>(a_.l2_bytes / 4) / (rows * BlockTile<M>::kRowBytes);
    group_ = room < 1 ? 1 : room;
    Place at = {0, 0};
    Place ahead = {0, 0};
    for (int64_t bytes = 0; bytes < S::kBytesAhead; bytes += kPairPanels * block_bytes_) {
      ahead = Next(ahead);
    }
    while (at.block < num_blocks()) {
      RunBlock(at, ahead);
      at = Next(at);
      ahead = Next(ahead);
    }
  }

  // [rows of the tile][16] of one panel
  float* Sums(int64_t t, int64_t panel) const {
    const int64_t row = tiles_.FirstRow(t) - tiles_.FirstRow(first_tile_);
    return a_.sums + (row * panels_ + panel * tiles_.Height(t)) * 16;
  }

  const Tiling& tiles() const { return tiles_; }

 private:
  // A block of inputs, and the first of the panels that it is multiplied by.
  struct Place {
    int64_t block;
    int64_t panel;
  };

  int64_t num_blocks() const { return (a_.inputs + kActivationBlock - 1) / kActivationBlock; }
  Place Next(const Place& at) const {
    if (at.block >= num_blocks()) return at;
    const int64_t next_group = (at.block / group_ + 1) * group_;
    const int64_t end = next_group < num_blocks() ? next_group : num_blocks();
    if (at.block + 1 < end) return {at.block + 1, at.panel};
    if (at.panel + kPairPanels < panels_)
      return {at.block / group_ * group_, at.panel + kPairPanels};
    return {end, 0};
  }

  const std::byte* Weights(const Place& at, int64_t p) const {
    // The panel behind the last one is any: nobody reads its sums.
    const int64_t last = a_.last_panel - 1;
    const int64_t panel = a_.first_panel + at.panel + p;
    return a_.panels + (panel < last ? panel : last) * a_.panel_bytes + at.block * block_bytes_;
  }

  void RunBlock(const Place& at, const Place& ahead) {
    const int64_t left = a_.inputs - at.block * kActivationBlock;
    const int64_t inputs = left < kActivationBlock ? left : kActivationBlock;
    const int64_t lines = ahead.block < num_blocks() ? block_bytes_ / 64 : 0;
    const int64_t early = last_tile_ - first_tile_ == 1 ? lines * S::kEarlyPercent / 100 : 0;
    for (int64_t p = 0; p < kPairPanels; ++p) {
      for (int64_t line = 0; line < early; ++line) {
        __builtin_prefetch(Weights(ahead, p) + line * 64, 0, 2);
      }
      multiplier_.Unpack(a_.format, Weights(at, p), inputs, panels_of_pair_[p]);
    }
    const int64_t count = last_tile_ - first_tile_;
    multiplier_.Multiply(a_.format, count, [&](int64_t i) {
      const int64_t t = first_tile_ + i;
      const int64_t first_line = early + (lines - early) * i / count;
      const int64_t last_line = early + (lines - early) * (i + 1) / count;
      const int64_t height = tiles_.Height(t);
      const std::byte* x = a_.x + tiles_.FirstRow(t) * BlockRowBytes<M>(a_.inputs);
      return BlockProduct{
          .rows = height,
          .x = x + at.block * height * BlockTile<M>::kRowBytes,
          .w = panels_of_pair_,
          .runs = static_cast<int>(inputs / kRunSize),
          .offset = OffsetOf(a_.format),
          .first = at.block == 0,
          .sums = Sums(t, at.panel),
          .ahead = {Weights(ahead, 0) + first_line * 64, Weights(ahead, 1) + first_line * 64},
          .lines = last_line - first_line};
    });
  }

  const MatmulArgs& a_;
  const Tiling tiles_;
  const int64_t block_bytes_;
  const int64_t panels_;  // an even number
  M multiplier_;
  UnpackedPanel panels_of_pair_[kPairPanels];
  int64_t first_tile_ = 0;
  int64_t last_tile_ = 0;
  int64_t group_ = 1;  // blocks
};

// Stores silu(gate) * up of alternate gate and up panels: [rows, outputs] float32.
template <class S, class M>
void StoreBlockSwiGlu(const MatmulArgs& a, const BlockMatmul<S, M>& product, int64_t t) {
  const int64_t height = product.tiles().Height(t);
  for (int64_t p = a.first_panel; p < a.last_panel; p += 2) {
    const float* gate = product.Sums(t, p - a.first_panel);
    const float* up = gate + height * 16;
    const int64_t first = p / 2 * 16;
    const int64_t left = a.outputs - first;
    for (int64_t r = 0; r < height; ++r) {
      float* y = reinterpret_cast<float*>(a.swiglu) +
                 (product.tiles().FirstRow(t) + r) * a.outputs + first;
      S::Store(y, SwiGlu<S>(S::Load(gate + r * 16), S::Load(up + r * 16)),
               static_cast<int>(left < 16 ? left : 16));
    }
  }
}

template <class S, class M>
void BlockMatmulImpl(const MatmulArgs& a) {
  BlockMatmul<S, M> product(a);
  const int64_t at_a_time = a.sum_rows / M::kRows;
  for (int64_t first = a.first_tile; first < a.last_tile; first += at_a_time) {
    const int64_t last = first + at_a_time < a.last_tile ? first + at_a_time : a.last_tile;
    product.Run(first, last);
    for (int64_t t = first; t < last; ++t) {
      if (a.swiglu != nullptr) {
        StoreBlockSwiGlu<S, M>(a, product, t);
      } else {
        StoreSums<S>(a, product.tiles(), product, t);
      }
    }
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_MATMUL_IMPL_H_
