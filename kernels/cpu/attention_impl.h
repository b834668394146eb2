// Attention over paged keys and values, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_ATTENTION_IMPL_H_
#define OCTET_KERNELS_CPU_ATTENTION_IMPL_H_

#include <cstdint>
#include <limits>

#include "kernels/attention.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"

namespace octet {

static_assert(kKvBlock == 32, "a block of scores is two vectors");

// Elements of the KV cache as floats.
template <class S>
struct F32Element {
  using Type = float;
  static typename S::Vec Load(const float* p) { return S::Load(p); }
};
template <class S>
struct Bf16Element {
  using Type = uint16_t;
  static typename S::Vec Load(const uint16_t* p) { return S::LoadBf16(p); }
};

// One query head of one token.
struct AttentionRow {
  const float* q;
  float* out;
  int64_t begin, end;  // visible positions
  float max;           // of the scores folded so far
  float sum;           // of exp(score - max)
};

// scores[r][j] = scale * q_r . key_j
template <class S, class E, int kRows>
void Scores(const AttentionRow* rows, const typename E::Type* keys, int head_dim, float scale,
            float (*scores)[kKvBlock]) {
  typename S::Vec acc[kRows][2];
  for (auto& a : acc) a[0] = a[1] = S::Zero();
  for (int d = 0; d < head_dim; ++d) {
    const auto k0 = E::Load(keys + d * kKvBlock);
    const auto k1 = E::Load(keys + d * kKvBlock + 16);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto q = S::Set1(rows[r].q[d]);
      acc[r][0] = S::Fma(q, k0, acc[r][0]);
      acc[r][1] = S::Fma(q, k1, acc[r][1]);
    }
  }
  const auto factor = S::Set1(scale);
  for (int r = 0; r < kRows; ++r) {
    S::Store(scores[r], S::Mul(factor, acc[r][0]));
    S::Store(scores[r] + 16, S::Mul(factor, acc[r][1]));
  }
}

// out[d] = out[d] * keep + sum over j of p[j] * value_j[d], ascending j, for kVectors * 16
// dimensions.
template <class S, class E, int kVectors>
void AddValues(const float* p, int first, int last, const typename E::Type* values, int stride,
               typename S::Vec keep, float* out) {
  typename S::Vec acc[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) acc[v] = S::Mul(S::Load(out + v * 16), keep);
  for (int j = first; j < last; ++j) {
    const auto weight = S::Set1(p[j]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      acc[v] = S::Fma(weight, E::Load(values + j * stride + v * 16), acc[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) S::Store(out + v * 16, acc[v]);
}

// Folds positions [first, last) of a block into one row.
template <class S, class E>
void Fold(AttentionRow& row, float* scores, int first, int last, const typename E::Type* values,
          int head_dim, int stride) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  for (int j = 0; j < first; ++j) scores[j] = kMasked;
  for (int j = last; j < kKvBlock; ++j) scores[j] = kMasked;
  const float block_max = S::HorizontalMax(S::Max(S::Load(scores), S::Load(scores + 16)));
  const float max = block_max > row.max ? block_max : row.max;
  const auto shift = S::Set1(max);
  const auto p0 = Exp<S>(S::Sub(S::Load(scores), shift));
  const auto p1 = Exp<S>(S::Sub(S::Load(scores + 16), shift));
  S::Store(scores, p0);
  S::Store(scores + 16, p1);
  const auto keep = Exp<S>(S::Sub(S::Set1(row.max), shift));
  alignas(64) float lanes[16];
  S::Store(lanes, keep);
  row.sum = row.sum * lanes[0] + S::Sum(S::Add(p0, p1));
  row.max = max;

  constexpr int kDims = S::kRowVectors * 16;
  int d = 0;
  for (; d + kDims <= head_dim; d += kDims) {
    AddValues<S, E, S::kRowVectors>(scores, first, last, values + d, stride, keep, row.out + d);
  }
  for (; d + 16 <= head_dim; d += 16) {
    AddValues<S, E, 1>(scores, first, last, values + d, stride, keep, row.out + d);
  }
  if (d < head_dim) {
    S::Store(lanes, S::Load(row.out + d, head_dim - d));
    AddValues<S, E, 1>(scores, first, last, values + d, stride, keep, lanes);
    S::Store(row.out + d, S::Load(lanes), head_dim - d);
  }
}

template <class S>
void Normalize(const AttentionRow& row, int head_dim) {
  const auto sum = S::Set1(row.sum);
  ForVectors(head_dim, [&](int64_t d, int n) {
    S::Store(row.out + d, S::Div(S::Load(row.out + d, n), sum), n);
  });
}

template <class S>
AttentionRow FirstState(const AttentionTile& t, int64_t row) {
  const int64_t token = row / t.group;
  const int64_t head = t.kv_head * t.group + row % t.group;
  const int64_t end = t.start_pos + token + 1;
  float* out = t.out + token * t.out_stride + head * t.head_dim;
  ForVectors(t.head_dim, [&](int64_t d, int n) { S::Store(out + d, S::Zero(), n); });
  return {.q = t.q + token * t.q_stride + head * t.head_dim,
          .out = out,
          .begin = t.window > 0 && end > t.window ? end - t.window : 0,
          .end = end,
          .max = -std::numeric_limits<float>::infinity(),
          .sum = 0};
}

// A position of the sequence as an index into a block of kKvBlock, held to its ends.
template <class S>
int IndexInBlock(int64_t position, int64_t block_begin) {
  const int64_t index = position - block_begin;
  return index < 0 ? 0 : static_cast<int>(index < kKvBlock ? index : kKvBlock);
}

template <class S, class E, int kRows>
void AttendTile(const AttentionTile& t) {
  AttentionRow rows[kRows];
  for (int r = 0; r < kRows; ++r) rows[r] = FirstState<S>(t, t.first_row + r);
  // Tokens ascend with r: the first row sees furthest back, the last one furthest ahead.
  for (int64_t block = rows[0].begin / kKvBlock; block * kKvBlock < rows[kRows - 1].end; ++block) {
    using Element = typename E::Type;
    const size_t page = static_cast<size_t>(t.pages[block]) * t.page_bytes;
    const auto* values = reinterpret_cast<const Element*>(t.values + page);
    alignas(64) float scores[kRows][kKvBlock];
    Scores<S, E, kRows>(rows, reinterpret_cast<const Element*>(t.keys + page), t.head_dim, t.scale,
                        scores);
    for (int r = 0; r < kRows; ++r) {
      const int first = IndexInBlock<S>(rows[r].begin, block * kKvBlock);
      const int last = IndexInBlock<S>(rows[r].end, block * kKvBlock);
      if (first < last) {
        Fold<S, E>(rows[r], scores[r], first, last, values, t.head_dim, t.value_stride);
      }
    }
  }
  for (const AttentionRow& row : rows) Normalize<S>(row, t.head_dim);
}

template <class S, class E, int kRows>
void AttendRows(const AttentionTile& tile) {
  if constexpr (kRows > 0) {
    if (tile.num_rows == kRows) return AttendTile<S, E, kRows>(tile);
    return AttendRows<S, E, kRows - 1>(tile);
  }
}

template <class S>
void AttentionImpl(const AttentionTile& tile) {
  if (tile.dtype == DType::kBF16) {
    AttendRows<S, Bf16Element<S>, kAttentionTileRows>(tile);
  } else {
    AttendRows<S, F32Element<S>, kAttentionTileRows>(tile);
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ATTENTION_IMPL_H_
