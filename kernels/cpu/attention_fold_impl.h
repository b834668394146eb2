// The parts of attention to one fold of positions, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_ATTENTION_FOLD_IMPL_H_
#define OCTET_KERNELS_CPU_ATTENTION_FOLD_IMPL_H_

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
  static constexpr bool kIsInMemory = true;
  static typename S::Vec Load(const float* p) { return S::Load(p); }
};
template <class S>
struct Bf16Element {
  using Type = uint16_t;
  static constexpr bool kIsInMemory = true;
  static typename S::Vec Load(const uint16_t* p) { return S::LoadBf16(p); }
};

// Copies of them that the L1 cache holds.
template <class S>
struct WideElement : F32Element<S> {
  static constexpr bool kIsInMemory = false;
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

inline bool operator==(FoldRange a, FoldRange b) { return a.first == b.first && a.last == b.last; }
inline FoldRange Intersection(FoldRange a, FoldRange b) {
  return {a.first > b.first ? a.first : b.first, a.last < b.last ? a.last : b.last};
}
inline FoldRange Union(FoldRange a, FoldRange b) {
  return {a.first < b.first ? a.first : b.first, a.last > b.last ? a.last : b.last};
}

// The keys and values of one key-value head that are folded together.
template <class E>
struct Fold {
  using Element = typename E::Type;

  Fold(int64_t begin, int head_dim, int stride)
      : begin(begin), head_dim(head_dim), stride(stride) {}

  // Covers a sequence's positions below `end`. Pages from there on are replaced by the last page
  // before it.
  Fold(const AttentionTile& t, int64_t index, int64_t end)
      : Fold(index * kAttentionFold, t.head_dim, t.value_stride) {
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
  int stride;            // of values
  int first_column = 0;  // the dimension with which they begin
  const Element* keys[kFoldPages];
  const Element* values[kFoldPages];
  const Fold* ahead = nullptr;  // the fold to fetch meanwhile, if elements are in memory
};

// Fetches n elements from memory into the L2 cache.
template <class E>
inline __attribute__((always_inline)) void Prefetch(const typename E::Type* p, int n) {
  if constexpr (!E::kIsInMemory) return;
  constexpr int kLine = 64 / sizeof(*p);
#pragma GCC unroll 8
  for (int i = 0; i < n; i += kLine) __builtin_prefetch(p + i, 0, 2);
}

// The queries of kRows rows, wherever they lie.
template <int kRows>
struct Queries {
  explicit Queries(const AttentionRow* rows) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) q[r] = rows[r].q;
  }
  float At(int r, int d) const { return q[r][d]; }

  const float* q[kRows];
};

// The same, one behind the other.
struct DenseQueries {
  static constexpr int kStride = 128;
  float At(int r, int d) const { return q[r * kStride + d]; }

  const float* q;
};

// Computes scores[r][j] = scale * q_r . key_j for the positions of one page; rows of kAttentionFold
// scores. ahead: the page to fetch meanwhile, if elements are in memory.
template <class S, class E, int kRows, class Q>
void Scores(Q q, const typename E::Type* keys, const typename E::Type* ahead, int head_dim,
            float scale, float* scores) {
  typename S::Vec acc[kRows][2];
#pragma GCC unroll 8
  for (auto& a : acc) a[0] = a[1] = S::Zero();
  for (int d = 0; d < head_dim; ++d) {
    Prefetch<E>(ahead + d * kKvBlock, kKvBlock);
    const auto k0 = E::Load(keys + d * kKvBlock);
    const auto k1 = E::Load(keys + d * kKvBlock + 16);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto x = S::Set1(q.At(r, d));
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

// Scales the sums so far of each row to the new max of its scores.
template <class S, int kRows>
void Rescale(AttentionRow* rows, const float* max, int head_dim) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  alignas(64) float keep[16] = {};
  for (int r = 0; r < kRows; ++r) keep[r] = rows[r].max - max[r];
  S::Store(keep, Exp<S>(S::Load(keep)));
  for (int r = 0; r < kRows; ++r) {
    AttentionRow& row = rows[r];
    if (max[r] == row.max && max[r] > -kInfinity && max[r] < kInfinity) continue;  // by 1
    const auto factor = S::Set1(keep[r]);
    ForVectors(head_dim, [&](int64_t d, int n) {
      S::Store(row.out + d, S::Mul(S::Load(row.out + d, n), factor), n);
    });
    row.sum *= keep[r];
    row.max = max[r];
  }
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
  Rescale<S, kRows>(rows, max, head_dim);
  for (int r = 0; r < kRows; ++r) rows[r].sum += S::Sum(sum[r]);
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
    const int offset = (first - begin) * fold.stride + d - fold.first_column;
    const typename E::Type* values = fold.values[page] + offset;
    const typename E::Type* next = E::kIsInMemory ? fold.ahead->values[page] + offset : values;
    for (int j = first; j < last; ++j, values += fold.stride, next += fold.stride) {
      Prefetch<E>(next, kVectors * 16);
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

// Does AddColumns for the dimensions [begin, end).
template <class S, class E, int kRows>
void AddValues(AttentionRow* rows, const float* p, FoldRange range, const Fold<E>& fold, int begin,
               int end) {
  if (range.empty()) return;
  constexpr int kVectors = S::AttentionVectors(kRows);
  constexpr int kWidth = 16 * kVectors;
  int d = begin;
  for (; d + kWidth <= end; d += kWidth) {
    AddColumns<S, E, kRows, kVectors>(rows, p, range, fold, d, 16);
  }
  for (; d < end; d += 16) {
    AddColumns<S, E, kRows, 1>(rows, p, range, fold, d, end - d < 16 ? end - d : 16);
  }
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ATTENTION_FOLD_IMPL_H_
