#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "kernels/base/backend.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

struct Shape {
  int heads;
  int kv_heads;
  int head_dim;
  int window;
};

struct AttentionCase {
  Isa isa;
  DType dtype;
  Shape shape;
};

std::vector<AttentionCase> AttentionCases() {
  std::vector<AttentionCase> cases;
  for (const Isa isa : SupportedIsas()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      for (const Shape shape : {Shape{4, 2, 16, 0},
                                {8, 1, 32, 0},
                                {6, 3, 20, 16},
                                {2, 2, 128, 33},
                                {5, 5, 8, 1},
                                {4, 4, 200, 0}}) {
        cases.push_back({isa, dtype, shape});
      }
    }
  }
  return cases;
}

// One sequence of `length` tokens with random queries, keys and values.
struct Tokens {
  Tokens(const Shape& s, int64_t length)
      : q(OwnedMatrix::Random(length, s.heads * s.head_dim, DType::kF32, 1)),
        k(OwnedMatrix::Random(length, s.kv_heads * s.head_dim, DType::kF32, 2)),
        v(OwnedMatrix::Random(length, s.kv_heads * s.head_dim, DType::kF32, 3)) {}
  OwnedMatrix q, k, v;
};

// A cache whose pages lie in any order and hold garbage at first.
struct Cache {
  Cache(Backend& backend, const Shape& s, DType dtype, int64_t length) {
    const auto num_pages = static_cast<int32_t>((length + kKvBlock - 1) / kKvBlock);
    kv.page_bytes = s.kv_heads * KvBlocks::HeadBytes(s.head_dim, dtype);
    kv.dtype = dtype;
    kv.num_kv_heads = s.kv_heads;
    kv.head_dim = s.head_dim;
    buffer = backend.Allocate(num_pages * kv.page_bytes);
    std::memset(buffer.data(), 0xff, buffer.bytes());  // NaN
    kv.pages = buffer.data();
    pages.resize(num_pages);
    std::iota(pages.rbegin(), pages.rend(), 0);
  }
  KvBlocks kv;
  Buffer buffer;
  std::vector<int32_t> pages;
};

std::vector<double> Reference(const Tokens& t, const AttentionCase& c, int64_t token, int head) {
  const Shape& s = c.shape;
  const int64_t first = s.window > 0 ? std::max<int64_t>(0, token + 1 - s.window) : 0;
  const ReferenceKv kv = {.k = t.k, .v = t.v, .dtype = c.dtype, .head_dim = s.head_dim};
  return ReferenceAttention(t.q.view().f32(token) + head * s.head_dim, kv,
                            head / (s.heads / s.kv_heads), first, token);
}

class AttentionTest : public testing::TestWithParam<AttentionCase> {
 protected:
  // Attends to the whole sequence in calls of `chunk` tokens.
  OwnedMatrix Attend(Tokens& t, int64_t chunk, int threads) const {
    const Shape& s = GetParam().shape;
    const auto backend = MakeCpuBackend(GetParam().isa, threads);
    const int64_t length = t.q.view().rows;
    Cache cache(*backend, s, GetParam().dtype, length);
    OwnedMatrix out(length, s.heads * s.head_dim);
    for (int64_t start = 0; start < length; start += chunk) {
      const int64_t rows = std::min(chunk, length - start);
      const SequenceSpan span = {
          .first_row = 0, .num_rows = rows, .start_pos = start, .pages = cache.pages};
      backend->StoreKv(t.k.view().Rows(start, rows), t.v.view().Rows(start, rows), {&span, 1},
                       cache.kv);
      backend->Attention(t.q.view().Rows(start, rows), {&span, 1}, cache.kv, s.window,
                         out.view().Rows(start, rows));
    }
    return out;
  }
};

TEST_P(AttentionTest, AgreesWithSoftmaxInDouble) {
  const Shape& s = GetParam().shape;
  const int64_t length = 2 * kAttentionFold + 45;
  Tokens t(s, length);
  const OwnedMatrix out = Attend(t, length, 1);
  for (int64_t token = 0; token < length; ++token) {
    for (int head = 0; head < s.heads; ++head) {
      const std::vector<double> expected = Reference(t, GetParam(), token, head);
      for (int d = 0; d < s.head_dim; ++d) {
        ASSERT_NEAR(out.at(token, head * s.head_dim + d), expected[d], 2e-6)
            << "token " << token << " head " << head << " dimension " << d;
      }
    }
  }
}

TEST_P(AttentionTest, DoesNotDependOnChunksOrThreads) {
  const int64_t length = 2 * kAttentionFold + 9;
  Tokens t(GetParam().shape, length);
  const OwnedMatrix whole = Attend(t, length, 1);
  for (const int64_t chunk : {1, 7, 32, 100}) {
    EXPECT_EQ(Attend(t, chunk, 3).bytes(), whole.bytes()) << "chunks of " << chunk;
  }
}

TEST_P(AttentionTest, LaterTokensOfTheSameCallAreNotSeen) {
  const int64_t length = kAttentionFold + 20;
  Tokens t(GetParam().shape, length);
  const OwnedMatrix whole = Attend(t, length, 1);
  for (const int64_t known : {1, 33, kAttentionFold + 3}) {
    Tokens broken = t;
    for (int64_t j = known; j < length; ++j) {
      for (OwnedMatrix* m : {&broken.k, &broken.v}) {
        std::fill_n(m->view().f32(j), m->view().cols, std::numeric_limits<float>::quiet_NaN());
      }
    }
    const OwnedMatrix out = Attend(broken, length, 1);
    for (int64_t token = 0; token < known; ++token) {
      for (int64_t i = 0; i < out.view().cols; ++i) {
        ASSERT_EQ(out.at(token, i), whole.at(token, i)) << "token " << token << " of " << known;
      }
    }
  }
}

// A key or query that is no number leaves no output that looks like a result.
TEST_P(AttentionTest, WhatIsNotFiniteReachesAllThatSeeIt) {
  const Shape& s = GetParam().shape;
  const int64_t length = kAttentionFold + 20;
  const int64_t damaged = kAttentionFold - 3;
  Tokens sound(s, length);
  const OwnedMatrix whole = Attend(sound, length, 1);
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (OwnedMatrix Tokens::*part : {&Tokens::q, &Tokens::k, &Tokens::v}) {
      Tokens broken(s, length);
      OwnedMatrix& m = broken.*part;
      std::fill_n(m.view().f32(damaged), m.view().cols, value);
      const OwnedMatrix out = Attend(broken, 7, 1);
      const bool of_one = part == &Tokens::q;
      for (int64_t token = 0; token < length; ++token) {
        const bool sees = token == damaged || (token > damaged && !of_one &&
                                               (s.window == 0 || token - damaged < s.window));
        for (int64_t i = 0; i < out.view().cols; ++i) {
          // A key of infinities may have a score of -infinity, which is none of the damage's signs.
          if (sees && part == &Tokens::k && std::isinf(value)) continue;
          ASSERT_EQ(std::isfinite(out.at(token, i)), !sees) << token;
          if (sees) continue;
          ASSERT_EQ(out.at(token, i), whole.at(token, i)) << token;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllPaths, AttentionTest, testing::ValuesIn(AttentionCases()));

TEST(Attention, PathsAgreeBitForBit) {
  const Shape s = {8, 2, 48, 0};
  const int64_t length = kAttentionFold + 70;
  Tokens t(s, length);
  std::vector<OwnedMatrix> results;
  for (const Isa isa : SupportedIsas()) {
    const auto backend = MakeCpuBackend(isa, 2);
    Cache cache(*backend, s, DType::kBF16, length);
    const SequenceSpan span = {.num_rows = length, .pages = cache.pages};
    OwnedMatrix& out = results.emplace_back(length, s.heads * s.head_dim);
    backend->StoreKv(t.k.view(), t.v.view(), {&span, 1}, cache.kv);
    backend->Attention(t.q.view(), {&span, 1}, cache.kv, 0, out.view());
    EXPECT_EQ(out.bytes(), results[0].bytes()) << Name(isa);
  }
}

}  // namespace
}  // namespace octet
