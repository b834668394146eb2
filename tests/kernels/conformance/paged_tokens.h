// Tokens of sequences and a paged cache for them, in memory of the host.

#ifndef OCTET_TESTS_KERNELS_CONFORMANCE_PAGED_TOKENS_H_
#define OCTET_TESTS_KERNELS_CONFORMANCE_PAGED_TOKENS_H_

#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/base/backend.h"
#include "tests/support/reference.h"

namespace octet {

struct HeadShape {
  int heads;
  int kv_heads;
  int head_dim;
  int window;

  int64_t cols() const { return int64_t{heads} * head_dim; }
  int64_t kv_cols() const { return int64_t{kv_heads} * head_dim; }
};

// One sequence of `length` tokens with random queries, keys and values.
struct Tokens {
  Tokens(const HeadShape& s, int64_t length, uint32_t seed = 1)
      : q(OwnedMatrix::Random(length, s.cols(), DType::kF32, seed)),
        k(OwnedMatrix::Random(length, s.kv_cols(), DType::kF32, seed + 1)),
        v(OwnedMatrix::Random(length, s.kv_cols(), DType::kF32, seed + 2)) {}

  int64_t length() const { return q.view().rows; }

  OwnedMatrix q, k, v;
};

// Pages for sequences of these lengths. They lie in any order, those of sequences among each other,
// and hold NaNs at first.
struct PagedCache {
  PagedCache(Backend& backend, const HeadShape& s, DType dtype,
             const std::vector<int64_t>& lengths) {
    int32_t num_pages = 0;
    for (const int64_t length : lengths) {
      pages.emplace_back((length + kKvBlock - 1) / kKvBlock);
      num_pages += static_cast<int32_t>(pages.back().size());
    }
    int32_t next = num_pages;
    for (size_t i = 0; next > 0; ++i) {
      for (std::vector<int32_t>& own : pages) {
        if (i < own.size()) own[i] = --next;
      }
    }
    kv.page_bytes = s.kv_heads * KvBlocks::HeadBytes(s.head_dim, dtype) + kGap;
    kv.dtype = dtype;
    kv.num_kv_heads = s.kv_heads;
    kv.head_dim = s.head_dim;
    buffer = backend.Allocate(num_pages * kv.page_bytes);
    std::memset(buffer.data(), 0xff, buffer.bytes());
    kv.pages = buffer.data();
  }

  static constexpr size_t kGap = 64;  // as if there were other layers

  KvBlocks kv;
  Buffer buffer;
  std::vector<std::vector<int32_t>> pages;  // of each sequence
};

}  // namespace octet

#endif  // OCTET_TESTS_KERNELS_CONFORMANCE_PAGED_TOKENS_H_
