// The division of attention over threads in CpuBackend.

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/cpu/cpu_backend.h"

namespace octet {
namespace {

template <class Element>
Element Round(float x) {
  if constexpr (std::is_same_v<Element, BF16>)
    return ToBF16(x);
  else
    return x;
}

// Stores the key and value of one token and head, [head_dim] each, in their slot of a page.
template <class Element>
void StoreToken(const float* key, const float* value, int slot, const KvBlocks& kv, int64_t page,
                int head) {
  auto* keys = reinterpret_cast<Element*>(kv.keys(page, head));
  auto* values = reinterpret_cast<Element*>(kv.values(page, head)) + slot * kv.value_stride();
  for (int d = 0; d < kv.head_dim; ++d) {
    keys[d * kKvBlock + slot] = Round<Element>(key[d]);
    values[d] = Round<Element>(value[d]);
  }
}

// Rows of a span that one thread stores: neighbours lie in the same cache lines of a page.
constexpr int64_t kStoredRows = kKvBlock;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

// Divides the spans into units, each of which has `rows_of_unit` of a span's rows times `group`.
void CpuBackend::DivideSpans(std::span<const SequenceSpan> spans, int64_t group,
                             int64_t rows_of_unit) {
  first_units_.assign(1, 0);
  for (const SequenceSpan& span : spans) {
    first_units_.push_back(first_units_.back() + CeilDiv(span.num_rows * group, rows_of_unit));
  }
}

// Returns the span of a unit, and the unit's number in it.
std::pair<size_t, int64_t> CpuBackend::FindUnit(int64_t unit) const {
  const auto after = std::upper_bound(first_units_.begin(), first_units_.end(), unit);
  const auto span = static_cast<size_t>(after - first_units_.begin()) - 1;
  return {span, unit - first_units_[span]};
}

void CpuBackend::StoreKv(ConstMatrix keys, ConstMatrix values, std::span<const SequenceSpan> spans,
                         const KvBlocks& kv) {
  OCTET_CHECK(keys.cols == kv.num_kv_heads * kv.head_dim && values.cols == keys.cols);
  const auto store = kv.dtype == DType::kBF16 ? StoreToken<BF16> : StoreToken<float>;
  DivideSpans(spans, 1, kStoredRows);
  ForEach(IsSmall(keys.rows * keys.cols), first_units_.back(), [&](int, int64_t unit) {
    const auto [index, part] = FindUnit(unit);
    const SequenceSpan& span = spans[index];
    const int64_t end = std::min(span.num_rows, (part + 1) * kStoredRows);
    for (int64_t i = part * kStoredRows; i < end; ++i) {
      const int64_t position = span.start_pos + i;
      const int64_t page = span.pages[position / kKvBlock];
      const int slot = static_cast<int>(position % kKvBlock);
      const float* key = keys.f32(span.first_row + i);
      const float* value = values.f32(span.first_row + i);
      for (int head = 0; head < kv.num_kv_heads; ++head) {
        const int64_t at = int64_t{head} * kv.head_dim;
        store(key + at, value + at, slot, kv, page, head);
      }
    }
  });
}

void CpuBackend::Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                           int64_t window, Matrix y) {
  OCTET_CHECK(q.cols == y.cols && q.cols % (kv.num_kv_heads * kv.head_dim) == 0);
  const int group = static_cast<int>(q.cols / (kv.num_kv_heads * kv.head_dim));
  DivideSpans(spans, group, kAttentionTileRows);
  threads_.ForEach(first_units_.back() * kv.num_kv_heads, [&](int, int64_t i) {
    const size_t index = FindUnit(i / kv.num_kv_heads).first;
    const int64_t num_tiles = first_units_[index + 1] - first_units_[index];
    const int64_t part = i - first_units_[index] * kv.num_kv_heads;
    // All tiles of a head come one behind the other: caches keep its keys and values.
    const int kv_head = static_cast<int>(part / num_tiles);
    const int64_t tile = part % num_tiles;
    const SequenceSpan* const span = &spans[index];
    const int64_t first = tile * kAttentionTileRows;
    const int64_t rows = span->num_rows * group - first;
    kernels_.attention({.dtype = kv.dtype,
                        .q = q.f32(span->first_row),
                        .q_stride = q.stride,
                        .out = y.f32(span->first_row),
                        .out_stride = y.stride,
                        .keys = kv.keys(0, kv_head),
                        .values = kv.values(0, kv_head),
                        .page_bytes = kv.page_bytes,
                        .pages = span->pages.data(),
                        .start_pos = span->start_pos,
                        .head_dim = kv.head_dim,
                        .value_stride = kv.value_stride(),
                        .kv_head = kv_head,
                        .group = group,
                        .first_row = first,
                        .num_rows = static_cast<int>(std::min<int64_t>(rows, kAttentionTileRows)),
                        .window = window,
                        .scale = 1.0F / std::sqrt(static_cast<float>(kv.head_dim))});
  });
}

}  // namespace octet
