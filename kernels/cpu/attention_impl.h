// Attention over paged keys and values, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_ATTENTION_IMPL_H_
#define OCTET_KERNELS_CPU_ATTENTION_IMPL_H_

#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/base/attention.h"
#include "kernels/cpu/attention_fold_impl.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"

namespace octet {

// The positions of a fold that up to S::kAttentionRows rows see.
template <class S>
struct VisibleRanges {
  FoldRange by[S::kAttentionRows];
  FoldRange any, all;
  bool each_sees_some;

  bool all_see_any() const { return any == all; }
};

template <class S, class E, int kRows>
VisibleRanges<S> FindVisible(const AttentionRow* rows, const Fold<E>& fold) {
  VisibleRanges<S> v = {
      .any = {kAttentionFold, 0}, .all = {0, kAttentionFold}, .each_sees_some = true};
  for (int r = 0; r < kRows; ++r) {
    v.by[r] = fold.Visible(rows[r]);
    v.any = Union(v.any, v.by[r]);
    v.all = Intersection(v.all, v.by[r]);
    v.each_sees_some = v.each_sees_some && !v.by[r].empty();
  }
  if (v.all.empty()) v.all = {kAttentionFold, kAttentionFold};
  return v;
}

template <class S, int kRows>
void FoldVisible(AttentionRow* rows, const VisibleRanges<S>& visible, int head_dim,
                 float (*scores)[kAttentionFold]) {
  if (visible.each_sees_some) {
    return FoldScores<S, kRows>(rows, visible.by, visible.any, head_dim, scores);
  }
  for (int r = 0; r < kRows; ++r) {
    const FoldRange& v = visible.by[r];
    if (!v.empty()) FoldScores<S, 1>(rows + r, &v, v, head_dim, scores + r);
  }
}

// Each row takes its visible positions in ascending order, whatever the other rows see: first
// positions that not all rows see, then those that all see, then the rest. Dimensions [begin, end).
template <class S, class E, int kRows>
void AddVisible(AttentionRow* rows, const VisibleRanges<S>& visible,
                const float (*p)[kAttentionFold], const Fold<E>& fold, int begin, int end) {
  const FoldRange all = visible.all;
  const bool some_see_more = !visible.all_see_any();
  for (int r = 0; r < kRows && some_see_more; ++r) {
    const FoldRange v = visible.by[r];
    const int last = v.last < all.first ? v.last : all.first;
    AddValues<S, E, 1>(rows + r, p[r], {v.first, last}, fold, begin, end);
  }
  AddValues<S, E, kRows>(rows, p[0], all, fold, begin, end);
  for (int r = 0; r < kRows && some_see_more; ++r) {
    AddValues<S, E, 1>(rows + r, p[r], {all.last, visible.by[r].last}, fold, begin, end);
  }
}

// Folds for a few rows, which spend less time on keys and values than memory takes to read them.
template <class S, class E, int kRows>
void FoldRows(AttentionRow* rows, const Fold<E>& fold, float scale) {
  const auto visible = FindVisible<S, E, kRows>(rows, fold);
  if (visible.any.empty()) return;
  alignas(64) float p[kRows][kAttentionFold];
  for (int page = visible.any.first_page(); page < visible.any.last_page(); ++page) {
    Scores<S, E, kRows>(Queries<kRows>(rows), fold.keys[page], fold.ahead->keys[page],
                        fold.head_dim, scale, &p[0][page * kKvBlock]);
  }
  FoldVisible<S, kRows>(rows, visible, fold.head_dim, p);
  AddVisible<S, E, kRows>(rows, visible, p, fold, 0, fold.head_dim);
}

// Calls f<kRows>() with kRows = count, at most S::kAttentionRows.
template <class S, class F, int kRows = S::kAttentionRows>
inline __attribute__((always_inline)) void WithRows(int count, const F& f) {
  if constexpr (kRows > 0) {
    if (count == kRows) return f.template operator()<kRows>();
    WithRows<S, F, kRows - 1>(count, f);
  }
}

// Calls f<kRows>(first) for the rows [first, first + kRows) of each block of num_rows.
template <class S, class F>
inline __attribute__((always_inline)) void ForBlocks(int num_rows, const F& f) {
  for (int first = 0; first < num_rows; first += S::kAttentionRows) {
    const int left = num_rows - first;
    WithRows<S>(left < S::kAttentionRows ? left : S::kAttentionRows,
                [&]<int kRows>() { f.template operator()<kRows>(first); });
  }
}

// Folds for the rows of a narrow tile.
template <class S, class E>
void FoldTile(AttentionRow* rows, const AttentionTile& t, const Fold<E>& fold,
              const Fold<E>& next) {
  Fold<E> f = fold;
  ForBlocks<S>(t.num_rows, [&]<int kRows>(int first) {
    f.ahead = first == 0 ? &next : &fold;
    FoldRows<S, E, kRows>(rows + first, f, t.scale);
  });
}

// The token and query head that a row of a tile is.
struct TokenHead {
  int64_t token, head;
};
inline __attribute__((always_inline)) TokenHead FindTokenHead(const AttentionTile& t, int64_t row) {
  const int64_t i = t.first_row + row;
  return {i / t.group, t.kv_head * t.group + i % t.group};
}

// The result of a tile's row.
inline __attribute__((always_inline)) float* Result(const AttentionTile& t, int64_t row) {
  const auto [token, head] = FindTokenHead(t, row);
  return t.out + token * t.out_stride + head * t.head_dim;
}

// out: [head_dim], for the sums so far.
template <class S>
AttentionRow FirstState(const AttentionTile& t, int64_t row, float* out) {
  const auto [token, head] = FindTokenHead(t, row);
  const int64_t end = t.start_pos + token + 1;
  ForVectors(t.head_dim, [&](int64_t d, int n) { S::Store(out + d, S::Zero(), n); });
  return {.q = t.q + token * t.q_stride + head * t.head_dim,
          .out = out,
          .begin = t.window > 0 && end > t.window ? end - t.window : 0,
          .end = end,
          .max = -std::numeric_limits<float>::infinity(),
          .sum = 0};
}

template <class S>
void Normalize(const AttentionRow& row, int head_dim, float* out) {
  const auto sum = S::Set1(row.sum);
  ForVectors(head_dim,
             [&](int64_t d, int n) { S::Store(out + d, S::Div(S::Load(row.out + d, n), sum), n); });
}

// Folds for many rows. A page of keys, and a strip of some dimensions of all values, is widened
// once, and then stays in the L1 cache while each block of rows takes it.
template <class S, class E>
class WideTile {
 public:
  static bool Takes(const AttentionTile& t) {
    return t.num_rows > kFewRows && t.head_dim <= kMostHeadDim;
  }

  explicit WideTile(const AttentionTile& t)
      : num_rows_(t.num_rows), head_dim_(t.head_dim), scale_(t.scale) {
    for (int r = 0; r < num_rows_; ++r) {
      rows_[r] = FirstState<S>(t, r, out_[r]);
      ForVectors(head_dim_,
                 [&](int64_t d, int n) { S::Store(queries_[r] + d, S::Load(rows_[r].q + d, n)); });
    }
  }

  const AttentionRow& row(int r) const { return rows_[r]; }

  void Take(const Fold<E>& fold) {
    FoldRange any = {kAttentionFold, 0};
    ForBlocks<S>(num_rows_, [&]<int kRows>(int first) {
      visible_[first] = FindVisible<S, E, kRows>(rows_ + first, fold);
      any = Union(any, visible_[first].any);
    });
    if (any.empty()) return;
    for (int page = any.first_page(); page < any.last_page(); ++page) ScorePage(fold, page);
    ForBlocks<S>(num_rows_, [&]<int kRows>(int first) {
      FoldVisible<S, kRows>(rows_ + first, visible_[first], head_dim_, scores_ + first);
    });
    for (int d = 0; d < head_dim_; d += kStrip) AddStrip(fold, any, d);
  }

 private:
  static constexpr int kFewRows = 8;
  static constexpr int kMostHeadDim = DenseQueries::kStride;
  static constexpr int kStrip = 16 * S::AttentionVectors(S::kAttentionRows);
  using Wide = WideElement<S>;

  // The keys of a page as floats.
  const float* Keys(const typename E::Type* keys) {
    if constexpr (std::is_same_v<typename E::Type, float>) return keys;
    for (int i = 0; i < head_dim_ * kKvBlock; i += 16) S::Store(page_ + i, E::Load(keys + i));
    return page_;
  }

  void ScorePage(const Fold<E>& fold, int page) {
    const float* keys = Keys(fold.keys[page]);
    ForBlocks<S>(num_rows_, [&]<int kRows>(int first) {
      const FoldRange any = visible_[first].any;
      if (page < any.first_page() || page >= any.last_page()) return;
      Scores<S, Wide, kRows>(DenseQueries{queries_[first]}, keys, keys, head_dim_, scale_,
                             &scores_[first][page * kKvBlock]);
    });
  }

  void AddStrip(const Fold<E>& fold, FoldRange any, int d) {
    const int width = head_dim_ - d < kStrip ? (head_dim_ - d + 15) / 16 * 16 : kStrip;
    Fold<Wide> strip(fold.begin, head_dim_, kStrip);
    strip.first_column = d;
    for (int page = any.first_page(); page < any.last_page(); ++page) {
      float* out = strip_ + page * kKvBlock * kStrip;
      strip.values[page] = out;
      for (int j = 0; j < kKvBlock; ++j) {
        const typename E::Type* in = fold.values[page] + j * fold.stride + d;
        for (int i = 0; i < width; i += 16) S::Store(out + j * kStrip + i, E::Load(in + i));
      }
    }
    ForBlocks<S>(num_rows_, [&]<int kRows>(int first) {
      AddVisible<S, Wide, kRows>(rows_ + first, visible_[first], scores_ + first, strip, d,
                                 d + kStrip < head_dim_ ? d + kStrip : head_dim_);
    });
  }

  int num_rows_;
  int head_dim_;
  float scale_;
  AttentionRow rows_[kAttentionTileRows] = {};
  VisibleRanges<S> visible_[kAttentionTileRows];  // at the first row of each block
  alignas(64) float queries_[kAttentionTileRows][kMostHeadDim];
  alignas(64) float out_[kAttentionTileRows][kMostHeadDim];
  alignas(64) float page_[kMostHeadDim * kKvBlock];
  alignas(64) float strip_[kAttentionFold * kStrip];
  alignas(64) float scores_[kAttentionTileRows][kAttentionFold];
};

// Tokens ascend with rows: the first row sees furthest back, the last one furthest ahead.
template <class S, class E>
void AttendWide(const AttentionTile& t) {
  WideTile<S, E> tile(t);
  const int64_t end = tile.row(t.num_rows - 1).end;
  for (int64_t i = tile.row(0).begin / kAttentionFold; i * kAttentionFold < end; ++i) {
    tile.Take({t, i, end});
  }
  for (int r = 0; r < t.num_rows; ++r) Normalize<S>(tile.row(r), t.head_dim, Result(t, r));
}

template <class S, class E>
void AttendNarrow(const AttentionTile& t) {
  AttentionRow rows[kAttentionTileRows] = {};
  for (int r = 0; r < t.num_rows; ++r) rows[r] = FirstState<S>(t, r, Result(t, r));
  const int64_t end = rows[t.num_rows - 1].end;
  for (int64_t i = rows[0].begin / kAttentionFold; i * kAttentionFold < end; ++i) {
    FoldTile<S, E>(rows, t, {t, i, end}, {t, i + 1, end});
  }
  for (int r = 0; r < t.num_rows; ++r) Normalize<S>(rows[r], t.head_dim, rows[r].out);
}

template <class S, class E>
void AttendTile(const AttentionTile& t) {
  return WideTile<S, E>::Takes(t) ? AttendWide<S, E>(t) : AttendNarrow<S, E>(t);
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
