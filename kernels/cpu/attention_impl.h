// Attention over paged keys and values, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_ATTENTION_IMPL_H_
#define OCTET_KERNELS_CPU_ATTENTION_IMPL_H_

#include <cstdint>
#include <limits>

#include "kernels/base/attention.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"

namespace octet {

static_assert(kKvBlock == 32, "a page of scores is two vectors");

inline constexpr int kFoldPages = kAttentionFold / kKvBlock;

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
  float* out;          // sum of exp(score - max) * value so far
  int64_t begin, end;  // visible positions
  float max;           // of the scores folded so far
  float sum;           // of exp(score - max)
};

// Positions of one fold, as indices into it.
struct FoldRange {
  int first, last;

  bool empty() const { return first >= last; }
  int first_page() const { return first / kKvBlock; }
  int last_page() const { return (last + kKvBlock - 1) / kKvBlock; }
};

// The keys and values of one key-value head that are folded together.
template <class E>
struct Fold {
  using Element = typename E::Type;

  // Covers a sequence's positions below `end`. Pages from there on are replaced by the last page
  // before it.
  Fold(const AttentionTile& t, int64_t index, int64_t end)
      : begin(index * kAttentionFold), head_dim(t.head_dim), stride(t.value_stride) {
    const int64_t last = (end - 1) / kKvBlock;
    for (int i = 0; i < kFoldPages; ++i) {
      const int64_t block = begin / kKvBlock + i;
      const size_t page = static_cast<size_t>(t.pages[block < last ? block : last]) * t.page_bytes;
      keys[i] = reinterpret_cast<const Element*>(t.keys + page);
      values[i] = reinterpret_cast<const Element*>(t.values + page);
    }
  }

  // Returns the positions of this fold that a row sees.
  FoldRange Visible(const AttentionRow& row) const { return {Index(row.begin), Index(row.end)}; }
  int Index(int64_t position) const {
    const int64_t i = position - begin;
    return i < 0 ? 0 : static_cast<int>(i < kAttentionFold ? i : kAttentionFold);
  }

  int64_t begin;  // position
  int head_dim;
  int stride;  // of values
  const Element* keys[kFoldPages];
  const Element* values[kFoldPages];
  const Fold* ahead = nullptr;  // the fold to prefetch meanwhile
};

// Fetches n elements into the L2 cache.
template <class T>
inline __attribute__((always_inline)) void Prefetch(const T* p, int n) {
  constexpr int kLine = 64 / sizeof(T);
#pragma GCC unroll 8
  for (int i = 0; i < n; i += kLine) __builtin_prefetch(p + i, 0, 2);
}

// Computes scores[r][j] = scale * q_r . key_j for the positions of one page; rows of kAttentionFold
// scores.
template <class S, class E, int kRows>
void Scores(const AttentionRow* rows, const typename E::Type* keys, const typename E::Type* ahead,
            int head_dim, float scale, float* scores) {
  typename S::Vec acc[kRows][2];
#pragma GCC unroll 8
  for (auto& a : acc) a[0] = a[1] = S::Zero();
  const float* q[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) q[r] = rows[r].q;
  for (int d = 0; d < head_dim; ++d) {
    Prefetch(ahead + d * kKvBlock, kKvBlock);
    const auto k0 = E::Load(keys + d * kKvBlock);
    const auto k1 = E::Load(keys + d * kKvBlock + 16);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto x = S::Set1(q[r][d]);
      acc[r][0] = S::Fma(x, k0, acc[r][0]);
      acc[r][1] = S::Fma(x, k1, acc[r][1]);
    }
  }
  const auto factor = S::Set1(scale);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    S::Store(scores + r * kAttentionFold, S::Mul(factor, acc[r][0]));
    S::Store(scores + r * kAttentionFold + 16, S::Mul(factor, acc[r][1]));
  }
}

// Scales the row's sums so far to the new max of its scores.
template <class S>
void Rescale(AttentionRow& row, float max, int head_dim) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (max == row.max && max > -kInfinity && max < kInfinity) return;  // by 1
  const auto keep = Exp<S>(S::Sub(S::Set1(row.max), S::Set1(max)));
  ForVectors(head_dim, [&](int64_t d, int n) {
    S::Store(row.out + d, S::Mul(S::Load(row.out + d, n), keep), n);
  });
  alignas(64) float lanes[16];
  S::Store(lanes, keep);
  row.sum *= lanes[0];
  row.max = max;
}

// Replaces the scores of each row by exp(score - max), with the max of all scores that the row has
// seen, and scales the row's sums so far to this max. Scores outside of visible[r], in the pages of
// `pages`, become 0; each row sees some. Rows are taken together, so that none waits for another's
// horizontal sums.
template <class S, int kRows>
void FoldScores(AttentionRow* rows, const FoldRange* visible, FoldRange pages, int head_dim,
                float (*scores)[kAttentionFold]) {
  const int begin = pages.first_page() * kKvBlock;
  const int end = pages.last_page() * kKvBlock;
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  typename S::Vec shift[kRows];
  typename S::Vec sum[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    for (int j = begin; j < visible[r].first; ++j) scores[r][j] = kMasked;
    for (int j = visible[r].last; j < end; ++j) scores[r][j] = kMasked;
    shift[r] = S::Set1(rows[r].max);
    sum[r] = S::Zero();
  }
  for (int j = begin; j < end; j += 16) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) shift[r] = S::Max(shift[r], S::Load(scores[r] + j));
  }
  float max[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    max[r] = S::HorizontalMax(shift[r]);
    shift[r] = S::Set1(max[r]);
  }
  for (int j = begin; j < end; j += 16) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto p = Exp<S>(S::Sub(S::Load(scores[r] + j), shift[r]));
      S::Store(scores[r] + j, p);
      sum[r] = S::Add(sum[r], p);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    Rescale<S>(rows[r], max[r], head_dim);
    rows[r].sum += S::Sum(sum[r]);
  }
}

// out_r[d] += sum over j of p_r[j] * value_j[d], ascending j, for the dimensions [d, d + 16 *
// kVectors), of which the last n may be fewer.
template <class S, class E, int kRows, int kVectors>
void AddColumns(AttentionRow* rows, const float* p, FoldRange range, const Fold<E>& fold, int d,
                int n) {
  typename S::Vec acc[kRows][kVectors];
  const auto is_whole = [&](int v) { return n == 16 || v + 1 < kVectors; };
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const float* out = rows[r].out + d + v * 16;
      acc[r][v] = is_whole(v) ? S::Load(out) : S::Load(out, n);
    }
  }
  for (int page = range.first_page(); page < range.last_page(); ++page) {
    const int begin = page * kKvBlock;
    const int first = range.first > begin ? range.first : begin;
    const int last = range.last < begin + kKvBlock ? range.last : begin + kKvBlock;
    const typename E::Type* values = fold.values[page] + (first - begin) * fold.stride + d;
    const typename E::Type* next = fold.ahead->values[page] + (first - begin) * fold.stride + d;
    for (int j = first; j < last; ++j, values += fold.stride, next += fold.stride) {
      Prefetch(next, kVectors * 16);
      typename S::Vec value[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) value[v] = E::Load(values + v * 16);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const auto weight = S::Set1(p[r * kAttentionFold + j]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) acc[r][v] = S::Fma(weight, value[v], acc[r][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      float* out = rows[r].out + d + v * 16;
      if (is_whole(v)) {
        S::Store(out, acc[r][v]);
      } else {
        S::Store(out, acc[r][v], n);
      }
    }
  }
}

// Does AddColumns for all dimensions.
template <class S, class E, int kRows>
void AddValues(AttentionRow* rows, const float* p, FoldRange range, const Fold<E>& fold) {
  if (range.empty()) return;
  constexpr int kVectors = S::AttentionVectors(kRows);
  constexpr int kWidth = 16 * kVectors;
  int d = 0;
  for (; d + kWidth <= fold.head_dim; d += kWidth) {
    AddColumns<S, E, kRows, kVectors>(rows, p, range, fold, d, 16);
  }
  for (; d < fold.head_dim; d += 16) {
    const int left = fold.head_dim - d;
    AddColumns<S, E, kRows, 1>(rows, p, range, fold, d, left < 16 ? left : 16);
  }
}

// Each row takes its visible positions in ascending order, whatever the other rows see: first
// positions that not all rows see, then those that all see, then the rest.
template <class S, class E, int kRows>
void FoldRows(AttentionRow* rows, const Fold<E>& fold, float scale) {
  FoldRange any = {kAttentionFold, 0};
  FoldRange all = {0, kAttentionFold};
  FoldRange visible[kRows];
  for (int r = 0; r < kRows; ++r) {
    const FoldRange v = visible[r] = fold.Visible(rows[r]);
    any = {v.first < any.first ? v.first : any.first, v.last > any.last ? v.last : any.last};
    all = {v.first > all.first ? v.first : all.first, v.last < all.last ? v.last : all.last};
  }
  if (any.empty()) return;
  alignas(64) float p[kRows][kAttentionFold];
  for (int page = any.first_page(); page < any.last_page(); ++page) {
    Scores<S, E, kRows>(rows, fold.keys[page], fold.ahead->keys[page], fold.head_dim, scale,
                        &p[0][page * kKvBlock]);
  }
  bool each_sees_some = true;
  for (const FoldRange& v : visible) each_sees_some = each_sees_some && !v.empty();
  if (each_sees_some) {
    FoldScores<S, kRows>(rows, visible, any, fold.head_dim, p);
  } else {
    for (int r = 0; r < kRows; ++r) {
      if (visible[r].empty()) continue;
      FoldScores<S, 1>(rows + r, visible + r, visible[r], fold.head_dim, p + r);
    }
  }
  if (all.empty()) all = {kAttentionFold, kAttentionFold};
  for (int r = 0; r < kRows; ++r) {
    const int last = visible[r].last < all.first ? visible[r].last : all.first;
    AddValues<S, E, 1>(rows + r, p[r], {visible[r].first, last}, fold);
  }
  AddValues<S, E, kRows>(rows, p[0], all, fold);
  for (int r = 0; r < kRows; ++r) {
    AddValues<S, E, 1>(rows + r, p[r], {all.last, visible[r].last}, fold);
  }
}

template <class S, class E, int kRows = S::kAttentionRows>
void FoldUpToRows(AttentionRow* rows, int count, const Fold<E>& fold, float scale) {
  if constexpr (kRows > 0) {
    if (count == kRows) return FoldRows<S, E, kRows>(rows, fold, scale);
    return FoldUpToRows<S, E, kRows - 1>(rows, count, fold, scale);
  }
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

template <class S>
void Normalize(const AttentionRow& row, int head_dim) {
  const auto sum = S::Set1(row.sum);
  ForVectors(head_dim, [&](int64_t d, int n) {
    S::Store(row.out + d, S::Div(S::Load(row.out + d, n), sum), n);
  });
}

template <class S, class E>
void AttendTile(const AttentionTile& t) {
  AttentionRow rows[kAttentionTileRows] = {};
  for (int r = 0; r < t.num_rows; ++r) rows[r] = FirstState<S>(t, t.first_row + r);
  // Tokens ascend with r: the first row sees furthest back, the last one furthest ahead.
  const int64_t end = rows[t.num_rows - 1].end;
  for (int64_t i = rows[0].begin / kAttentionFold; i * kAttentionFold < end; ++i) {
    const Fold<E> next(t, i + 1, end);
    Fold<E> fold(t, i, end);
    for (int r = 0; r < t.num_rows; r += S::kAttentionRows) {
      fold.ahead = r == 0 ? &next : &fold;
      const int left = t.num_rows - r;
      FoldUpToRows<S, E>(rows + r, left < S::kAttentionRows ? left : S::kAttentionRows, fold,
                         t.scale);
    }
  }
  for (int r = 0; r < t.num_rows; ++r) Normalize<S>(rows[r], t.head_dim);
}

template <class S>
void AttentionImpl(const AttentionTile& tile) {
  if (tile.dtype == DType::kBF16) {
    AttendTile<S, Bf16Element<S>>(tile);
  } else {
    AttendTile<S, F32Element<S>>(tile);
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ATTENTION_IMPL_H_
