// Paged attention on every backend, beside softmax in double.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/framed_matrix.h"
#include "tests/kernels/conformance/paged_tokens.h"
#include "tests/support/reference.h"
#include "tests/support/sanitized.h"

namespace octet {
namespace {

struct AttentionCase {
  BackendCase backend;
  HeadShape shape;
};

std::vector<AttentionCase> AttentionCases() {
  std::vector<AttentionCase> cases;
  for (const BackendCase& backend : CasesOfBothDTypes()) {
    for (const HeadShape shape : {HeadShape{4, 2, 16, 0},
                                  {8, 1, 32, 0},
                                  {6, 3, 20, 16},
                                  {2, 2, 128, 33},
                                  {5, 5, 8, 1},
                                  {4, 4, 200, 0},
                                  {8, 2, 128, 0},
                                  {6, 1, 64, 150}}) {
      cases.push_back({backend, shape});
    }
  }
  return cases;
}

class AttentionConformance : public testing::TestWithParam<AttentionCase> {
 protected:
  // Attends to the whole sequence in calls of `chunk` tokens. Only tokens from `first` on have
  // results; the others have zeros.
  OwnedMatrix Attend(Backend& backend, const Tokens& t, int64_t chunk, int64_t first = 0) const {
    PagedCache cache(backend, shape_, dtype_, {t.length()});
    OwnedMatrix out(t.length(), shape_.cols());
    const auto call = [&](int64_t start, int64_t rows, bool attends) {
      const SequenceSpan span = {
          .first_row = 0, .num_rows = rows, .start_pos = start, .pages = cache.pages[0]};
      backend.StoreKv(t.k.view().Rows(start, rows), t.v.view().Rows(start, rows), {&span, 1},
                      cache.kv);
      if (!attends) return;
      backend.Attention(t.q.view().Rows(start, rows), {&span, 1}, cache.kv, shape_.window,
                        out.view().Rows(start, rows));
    };
    if (first > 0) call(0, first, false);
    for (int64_t start = first; start < t.length(); start += chunk) {
      call(start, std::min(chunk, t.length() - start), true);
    }
    return out;
  }

  // The first token with a result, where a slow device computes `count` of so many.
  int64_t First(int64_t length, int64_t count) const {
    return case_.is_slow ? std::max<int64_t>(0, length - count) : 0;
  }

  std::vector<double> Reference(const Tokens& t, int64_t token, int head) const {
    const int64_t first = shape_.window > 0 ? std::max<int64_t>(0, token + 1 - shape_.window) : 0;
    const ReferenceKv kv = {.k = t.k, .v = t.v, .dtype = dtype_, .head_dim = shape_.head_dim};
    return ReferenceAttention(t.q.view().f32(token) + head * shape_.head_dim, kv,
                              head / (shape_.heads / shape_.kv_heads), first, token);
  }

  void ExpectNear(const Tokens& t, const OwnedMatrix& out, int64_t first) const {
    for (int64_t token = first; token < t.length(); ++token) {
      for (int head = 0; head < shape_.heads; ++head) {
        const std::vector<double> expected = Reference(t, token, head);
        for (int d = 0; d < shape_.head_dim; ++d) {
          ASSERT_NEAR(out.at(token, head * shape_.head_dim + d), expected[d],
                      case_.attention_tolerance)
              << "token " << token << " head " << head << " dimension " << d;
        }
      }
    }
  }

  const BackendCase& case_ = GetParam().backend;
  const HeadShape& shape_ = GetParam().shape;
  const DType dtype_ = case_.dtype;
  const std::unique_ptr<Backend> backend_ = case_.Make();
};

TEST_P(AttentionConformance, AgreesWithSoftmaxInDouble) {
  const Tokens t(shape_, 2 * kAttentionFold + 45);
  const int64_t first = First(t.length(), 48);
  ExpectNear(t, Attend(*backend_, t, t.length(), first), first);
  const Tokens few(shape_, case_.Pick(70, 35));
  ExpectNear(few, Attend(*backend_, few, few.length()), 0);
}

TEST_P(AttentionConformance, DoesNotDependOnChunks) {
  const Tokens t(shape_, 2 * kAttentionFold + 9);
  const int64_t first = First(t.length(), 24);
  const OwnedMatrix whole = Attend(*backend_, t, t.length(), first);
  const auto other = case_.Make(case_.num_variants);
  for (const int64_t chunk : {1, 7, 32, 100}) {
    if (chunk >= t.length() - first) break;
    if (kSanitized && chunk == 1) continue;
    EXPECT_EQ(Attend(*other, t, chunk, first).bytes(), whole.bytes()) << "chunks of " << chunk;
  }
}

TEST_P(AttentionConformance, LaterTokensOfTheSameCallAreNotSeen) {
  const Tokens t(shape_, kAttentionFold + 20);
  const int64_t first = First(t.length(), 24);
  const OwnedMatrix whole = Attend(*backend_, t, t.length(), first);
  for (const int64_t known : {int64_t{1}, int64_t{33}, int64_t{kAttentionFold + 3}}) {
    if (known <= first) continue;
    Tokens broken = t;
    for (int64_t j = known; j < t.length(); ++j) {
      for (OwnedMatrix* m : {&broken.k, &broken.v}) {
        std::fill_n(m->view().f32(j), m->view().cols, kNan);
      }
    }
    const OwnedMatrix out = Attend(*backend_, broken, t.length(), first);
    for (int64_t token = 0; token < known; ++token) {
      for (int64_t i = 0; i < out.view().cols; ++i) {
        ASSERT_EQ(out.at(token, i), whole.at(token, i)) << "token " << token << " of " << known;
      }
    }
  }
}

// A key or query that is no number leaves no output that looks like a result.
TEST_P(AttentionConformance, WhatIsNotFiniteReachesAllThatSeeIt) {
  const int64_t length = kAttentionFold + 20;
  const int64_t damaged = kAttentionFold - 3;
  const int64_t first = First(length, 24);
  const Tokens sound(shape_, length);
  const OwnedMatrix whole = Attend(*backend_, sound, length, first);
  for (const float value : {kNan, kInf}) {
    if (kSanitized && value == kInf) continue;
    for (OwnedMatrix Tokens::*part : {&Tokens::q, &Tokens::k, &Tokens::v}) {
      Tokens broken = sound;
      OwnedMatrix& m = broken.*part;
      std::fill_n(m.view().f32(damaged), m.view().cols, value);
      const OwnedMatrix out = Attend(*backend_, broken, case_.Pick(7, 24), first);
      const bool of_one = part == &Tokens::q;
      for (int64_t token = first; token < length; ++token) {
        const bool sees =
            token == damaged ||
            (token > damaged && !of_one && (shape_.window == 0 || token - damaged < shape_.window));
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

// Sequences in one call, in any order of rows, as parts of wider matrices.
TEST_P(AttentionConformance, CompanionsChangeNoBit) {
  const std::vector<int64_t> lengths = {40, 2 * kAttentionFold + 9, 1, 70};
  const std::vector<int64_t> new_tokens = {3, 4, 1, 0};  // the others are known
  const std::vector<int64_t> first_rows = {5, 0, 4, 8};
  std::vector<Tokens> tokens;
  for (size_t s = 0; s < 4; ++s) tokens.emplace_back(shape_, lengths[s], 10 * s + 1);
  PagedCache cache(*backend_, shape_, dtype_, lengths);
  OwnedMatrix q(8, shape_.cols());
  OwnedMatrix k(8, shape_.kv_cols());
  OwnedMatrix v(8, shape_.kv_cols());
  std::vector<SequenceSpan> spans;
  for (size_t s = 0; s < 4; ++s) {
    const int64_t start = lengths[s] - new_tokens[s];
    const Tokens& t = tokens[s];
    const SequenceSpan known = {.num_rows = start, .pages = cache.pages[s]};
    backend_->StoreKv(t.k.view().Rows(0, start), t.v.view().Rows(0, start), {&known, 1}, cache.kv);
    spans.push_back({first_rows[s], new_tokens[s], start, cache.pages[s]});
    for (int64_t i = 0; i < new_tokens[s]; ++i) {
      std::copy_n(t.q.view().f32(start + i), q.view().cols, q.view().f32(first_rows[s] + i));
      std::copy_n(t.k.view().f32(start + i), k.view().cols, k.view().f32(first_rows[s] + i));
      std::copy_n(t.v.view().f32(start + i), v.view().cols, v.view().f32(first_rows[s] + i));
    }
  }
  FramedMatrix y(8, shape_.cols());
  backend_->StoreKv(FramedMatrix(k).view(), FramedMatrix(v).view(), spans, cache.kv);
  backend_->Attention(FramedMatrix(q).view(), spans, cache.kv, shape_.window, y.view());
  OwnedMatrix expected(8, shape_.cols());
  for (size_t s = 0; s < 3; ++s) {
    const int64_t start = lengths[s] - new_tokens[s];
    const OwnedMatrix alone = Attend(*backend_, tokens[s], new_tokens[s], start);
    for (int64_t i = 0; i < new_tokens[s]; ++i) {
      std::copy_n(alone.view().f32(start + i), q.view().cols,
                  expected.view().f32(first_rows[s] + i));
    }
  }
  y.Expect(expected);
}

TEST_P(AttentionConformance, TakesNoTokens) {
  const Tokens t(shape_, 3);
  PagedCache cache(*backend_, shape_, dtype_, {3});
  const std::vector<std::byte> before(cache.buffer.data(),
                                      cache.buffer.data() + cache.buffer.bytes());
  OwnedMatrix y(0, shape_.cols());
  const SequenceSpan span = {.pages = cache.pages[0]};
  for (const std::span<const SequenceSpan> spans : {std::span(&span, 1), std::span(&span, 0)}) {
    backend_->StoreKv(t.k.view().Rows(0, 0), t.v.view().Rows(0, 0), spans, cache.kv);
    backend_->Attention(t.q.view().Rows(0, 0), spans, cache.kv, shape_.window, y.view());
  }
  EXPECT_TRUE(std::equal(before.begin(), before.end(), cache.buffer.data()));
}

// As attention.h draws a page, and nothing beside it.
TEST_P(AttentionConformance, KeysAndValuesLieInTheirPlaces) {
  const Tokens t(shape_, 70);
  PagedCache cache(*backend_, shape_, dtype_, {33, 70});
  const SequenceSpan span = {.num_rows = 70, .pages = cache.pages[1]};
  std::vector<std::byte> expected(cache.buffer.data(), cache.buffer.data() + cache.buffer.bytes());
  const auto put = [&](std::byte* at, float x) {
    const BF16 rounded = ToBF16(x);
    std::memcpy(expected.data() + (at - cache.buffer.data()),
                dtype_ == DType::kBF16 ? static_cast<const void*>(&rounded) : &x, SizeOf(dtype_));
  };
  const size_t size = SizeOf(dtype_);
  for (int64_t p = 0; p < 70; ++p) {
    for (int h = 0; h < shape_.kv_heads; ++h) {
      for (int64_t d = 0; d < shape_.head_dim; ++d) {
        const int32_t page = span.pages[p / kKvBlock];
        const int64_t slot = p % kKvBlock;
        put(cache.kv.keys(page, h) + (d * kKvBlock + slot) * size,
            t.k.at(p, h * shape_.head_dim + d));
        put(cache.kv.values(page, h) + (slot * cache.kv.value_stride() + d) * size,
            t.v.at(p, h * shape_.head_dim + d));
      }
    }
  }
  backend_->StoreKv(t.k.view(), t.v.view(), {&span, 1}, cache.kv);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), cache.buffer.data()));
}

std::string AttentionCaseName(const testing::TestParamInfo<AttentionCase>& test) {
  const auto& [backend, s] = test.param;
  return backend.name + "_" + Name(backend.dtype) + "_" + std::to_string(s.heads) + "x" +
         std::to_string(s.kv_heads) + "x" + std::to_string(s.head_dim) + "_window" +
         std::to_string(s.window);
}

INSTANTIATE_TEST_SUITE_P(AllBackends, AttentionConformance, testing::ValuesIn(AttentionCases()),
                         AttentionCaseName);

}  // namespace
}  // namespace octet
