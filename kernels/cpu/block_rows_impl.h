// Rows of activations in blocks of 8 bits, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_BLOCK_ROWS_IMPL_H_
#define OCTET_KERNELS_CPU_BLOCK_ROWS_IMPL_H_

#include <cstdint>
#include <cstring>

#include "kernels/base/weight_format.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/row_tiles.h"

namespace octet {

// Consecutive activations in one unit of a weight.
inline constexpr int kInputsPerStep = 4;
inline constexpr int kStepsPerRun = kRunSize / kInputsPerStep;

// The division of rows into tiles for quantised weights. M: their multiplication, such as
// VectorBlocks (kernels/cpu/block_multiply_impl.h).
template <class M>
struct BlockTiling {
  static constexpr int kRowQuantum = 1;
  static constexpr int Rows(int) { return M::kRows; }
};

// One block of kActivationBlock inputs of all rows of a tile:
//
//   q         int8   [input / M::kInputsTogether][row][M::kInputsTogether]
//   half_sums int16  [run][row][2]      of q, of 16 inputs each; or, if M::kSplitsSums,
//   split_sums       [row][run][2]      bfloat16: the sum of a run as a multiple of 32 and the rest
//   run_sums  int16  [run / 2][row][2]  of q; or zeros
//   scales    float  [row]
//
// Bytes that are left over allow whole vectors, and whole tile registers, to be read.
template <class M>
struct BlockTile {
  static constexpr int64_t kRowBytes = 320;

  // input: a multiple of kInputsPerStep
  static constexpr int64_t Q(int64_t rows, int64_t input, int64_t row) {
    constexpr int64_t kTogether = M::kInputsTogether;
    return (input / kTogether * rows + row) * kTogether + input % kTogether;
  }
  static constexpr int64_t HalfSums(int64_t rows) { return kActivationBlock * rows; }
  static constexpr int64_t SplitSums(int64_t rows) { return HalfSums(rows); }
  static constexpr int kSplitSumBytes = 4 * kRunsOfBlock;  // of a row
  static constexpr int64_t RunSums(int64_t rows) {
    return HalfSums(rows) + 4 * kRunsOfBlock * rows;
  }
  static constexpr int64_t Scales(int64_t rows) { return RunSums(rows) + 2 * kRunsOfBlock * rows; }
};

// The bytes of one packed row.
template <class M>
int64_t BlockRowBytes(int64_t inputs) {
  static_assert(BlockTile<M>::Scales(1) + 4 <= BlockTile<M>::kRowBytes);
  return (inputs + kActivationBlock - 1) / kActivationBlock * BlockTile<M>::kRowBytes;
}

// The scale of a block, and the factor that brings its activations to 8 bits.
struct BlockScale {
  float scale;
  float inverse;
};

// x(i): inputs [i, i + 16) as floats.
template <class S, class X>
BlockScale ScaleOfBlock(int inputs, X x) {
  constexpr float kLeast = 0x1p-110F;
  auto greatest = S::Zero();
  auto not_finite = S::Zero();  // or NaN
  for (int i = 0; i < inputs; i += 16) {
    const auto v = x(i);
    greatest = S::Max(greatest, S::Max(v, S::Sub(S::Zero(), v)));
    not_finite = S::Add(not_finite, S::Sub(v, v));
  }
  const float bad = S::Sum(not_finite);
  if (bad != bad) return {bad, 0};
  const float most = S::HorizontalMax(greatest);
  if (most < kLeast) return {0, 0};
  return {most / 127, 127 / most};
}

// Rounds up to kActivationBlock inputs as QuantiseBlock (kernels/base/weight_format.h) does. The
// inputs are whole runs.
template <class S, class X>
void RoundBlock(int inputs, X x, ActivationBlock& to) {
  const BlockScale scale = ScaleOfBlock<S>(inputs, x);
  to.scale = scale.scale;
  const auto inverse = S::Set1(scale.inverse);
  for (int i = 0; i < inputs; i += 16) {
    auto q = S::ZeroUnits();
    if (scale.inverse != 0) q = S::ToUnits(S::Mul(x(i), inverse));
    S::StoreBytes(to.q + i, q);
  }
  for (int i = inputs; i < kActivationBlock; i += 16) S::StoreBytes(to.q + i, S::ZeroUnits());
}

// Writes the sum of a run, at most 32 * 127, as two numbers of bfloat16, whose sum it is.
static inline void SplitSum(int16_t sum, std::byte* to) {
  const int rest = sum & 31;
  const float parts[2] = {static_cast<float>(sum - rest), static_cast<float>(rest)};
  for (int i = 0; i < 2; ++i) {
    std::memcpy(to + i * 2, reinterpret_cast<const std::byte*>(&parts[i]) + 2, 2);
  }
}

// Writes a block into row `row` of a block of a tile.
template <class S, class M>
void PlaceBlock(const ActivationBlock& block, int64_t rows, int64_t row, std::byte* tile) {
  using Tile = BlockTile<M>;
  constexpr int kTogether = M::kInputsTogether < 16 ? M::kInputsTogether : 16;
  std::memcpy(tile + Tile::Scales(rows) + row * 4, &block.scale, 4);
  for (int run = 0; run < kRunsOfBlock; ++run) {
    int16_t sums[2];
    for (int half = 0; half < 2; ++half) {
      const int first = run * kRunSize + half * 16;
      const auto* q = block.q + first;
      sums[half] = static_cast<int16_t>(S::Sum(S::ToFloats(S::WidenSignedBytes(q))));
      for (int i = 0; i < 16; i += kTogether) {
        std::memcpy(tile + Tile::Q(rows, first + i, row), q + i, kTogether);
      }
    }
    auto sum = static_cast<int16_t>(sums[0] + sums[1]);
    if constexpr (M::kSplitsSums) {
      SplitSum(sum, tile + Tile::SplitSums(rows) + row * Tile::kSplitSumBytes + run * 4);
      sum = 0;
    } else {
      std::memcpy(tile + Tile::HalfSums(rows) + (run * rows + row) * 4, sums, 4);
    }
    std::memcpy(tile + Tile::RunSums(rows) + (run / 2 * rows + row) * 4 + run % 2 * 2, &sum, 2);
  }
}

// Calls f(block) for each block of a row of `inputs` inputs.
template <class S, class F>
void ForBlocks(const std::byte* x, DType from, int64_t inputs, F f) {
  ActivationBlock rounded;
  for (int64_t first = 0; first < inputs; first += kActivationBlock) {
    const int64_t left = inputs - first;
    const auto count = static_cast<int>(left < kActivationBlock ? left : kActivationBlock);
    if (from == DType::kInt8Blocks) {
      f(reinterpret_cast<const ActivationBlock*>(x)[first / kActivationBlock]);
      continue;
    }
    if (from == DType::kF32) {
      const auto* values = reinterpret_cast<const float*>(x) + first;
      RoundBlock<S>(
          count, [&](int i) { return S::Load(values + i); }, rounded);
    } else {
      const auto* values = reinterpret_cast<const uint16_t*>(x) + first;
      RoundBlock<S>(
          count, [&](int i) { return S::LoadBf16(values + i); }, rounded);
    }
    f(rounded);
  }
}

template <class S>
void RoundRowImpl(const float* x, int64_t inputs, ActivationBlock* to) {
  ForBlocks<S>(reinterpret_cast<const std::byte*>(x), DType::kF32, inputs,
               [&](const ActivationBlock& block) { *to++ = block; });
}

// Packs the rows of one tile: [blocks][BlockTile].
template <class S, class M>
void PackBlockRows(const PackRowsArgs& a) {
  const Tiles<BlockTiling<M>> tiles(a.rows);
  const int64_t height = tiles.Height(a.tile);
  std::byte* packed = a.packed + tiles.FirstRow(a.tile) * BlockRowBytes<M>(a.inputs);
  for (int64_t r = 0; r < height; ++r) {
    const int64_t row = tiles.FirstRow(a.tile) + r;
    const std::byte* x = a.x + (a.indices == nullptr ? row : a.indices[row]) * a.x_stride;
    std::byte* tile = packed;
    ForBlocks<S>(x, a.from, a.inputs, [&](const ActivationBlock& block) {
      PlaceBlock<S, M>(block, height, r, tile);
      tile += height * BlockTile<M>::kRowBytes;
    });
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_BLOCK_ROWS_IMPL_H_
