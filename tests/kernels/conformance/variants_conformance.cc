// All variants of a backend have the same bits: numbers of threads, orders of an emulated device,
// or runs of a real one.

#include <gtest/gtest.h>

#include <numeric>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/paged_tokens.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

using ResultBytes = std::vector<std::byte>;

void Append(const auto& bytes, ResultBytes& all) {
  const auto added = std::as_bytes(std::span(bytes));
  all.insert(all.end(), added.begin(), added.end());
}

// Products of a few, some and many rows.
ResultBytes BytesOfProducts(Backend& backend, DType dtype) {
  ResultBytes all;
  for (const int64_t inputs : {203, 200}) {
    const PackedMatrix w = PackAll(backend, OwnedMatrix::Random(70, inputs, dtype, 1), dtype);
    for (const int64_t rows : {3, 40}) {
      const auto x = OwnedMatrix::Random(rows, inputs, dtype, 2);
      OwnedMatrix y(rows, 70);
      backend.Matmul(x.view(), w, y.view());
      Append(y.bytes(), all);
    }
  }
  return all;
}

ResultBytes BytesOfExperts(Backend& backend, DType dtype) {
  ResultBytes all;
  for (const int64_t hidden : {69, 72}) {
    constexpr int64_t kIntermediate = 48;
    std::vector<ExpertWeights> experts(2);
    for (uint32_t e = 0; e < 2; ++e) {
      const auto gate_up = OwnedMatrix::Random(2 * kIntermediate, hidden, dtype, 10 + e, 0.3F);
      const auto down = OwnedMatrix::Random(hidden, kIntermediate, dtype, 20 + e, 0.3F);
      experts[e] = {PackAll(backend, gate_up, dtype), PackAll(backend, down, dtype)};
    }
    const auto x = OwnedMatrix::Random(30, hidden, dtype, 3);
    std::vector<int32_t> rows(30);
    std::iota(rows.rbegin(), rows.rend(), 0);
    OwnedMatrix y(30, hidden);
    const ExpertWeights* const weights[] = {experts.data(), &experts[1]};
    backend.GroupedSwiGlu(x.view(), rows, std::vector<int32_t>{0, 25, 30}, weights, y.view());
    Append(y.bytes(), all);
  }
  return all;
}

ResultBytes BytesOfRows(Backend& backend) {
  ResultBytes all;
  const auto x = OwnedMatrix::Random(3, 600, DType::kF32, 4);
  OwnedMatrix y(3, 600);
  const std::span weight(x.view().f32(1), 600);
  backend.RmsNorm(x.view(), weight, 1e-5F, y.view());
  Append(y.bytes(), all);
  backend.Softmax(y.view(), std::vector<float>{1, 2, 3}, y.view());
  Append(y.bytes(), all);
  std::vector<float> log_sums(3);
  backend.LogSumExp(x.view(), log_sums);
  Append(log_sums, all);
  std::vector<int32_t> experts(9);
  std::vector<float> weights(9);
  OwnedMatrix logits = x;
  backend.Route(logits.view(), 3, experts, weights);
  Append(experts, all);
  Append(weights, all);
  return all;
}

// Keys and values too.
ResultBytes BytesOfAttention(Backend& backend, DType dtype) {
  ResultBytes all;
  for (const HeadShape shape : {HeadShape{4, 2, 20, 0}, {8, 2, 64, 0}, {4, 1, 128, 40}}) {
    const Tokens t(shape, 2 * kAttentionFold + 9);
    PagedCache cache(backend, shape, dtype, {t.length()});
    const SequenceSpan known = {.num_rows = t.length(), .pages = cache.pages[0]};
    backend.StoreKv(t.k.view(), t.v.view(), {&known, 1}, cache.kv);
    const SequenceSpan span = {
        .num_rows = 12, .start_pos = t.length() - 12, .pages = cache.pages[0]};
    OwnedMatrix y(12, shape.cols());
    backend.Attention(t.q.view().Rows(t.length() - 12, 12), {&span, 1}, cache.kv, shape.window,
                      y.view());
    Append(y.bytes(), all);
    Append(std::span(cache.buffer.data(), cache.buffer.bytes()), all);
  }
  return all;
}

class VariantsConformance : public BackendTest {
 protected:
  // compute(backend) gives the same bytes on all.
  template <class Compute>
  void ExpectSame(Compute compute) {
    const ResultBytes expected = compute(*backend_);
    for (int variant = 2; variant <= case_.num_variants; ++variant) {
      EXPECT_TRUE(compute(*case_.Make(variant)) == expected) << variant;
    }
  }
};

TEST_P(VariantsConformance, HaveTheSameBits) {
  ExpectSame([this](Backend& backend) { return BytesOfProducts(backend, dtype_); });
  ExpectSame([this](Backend& backend) { return BytesOfExperts(backend, dtype_); });
  ExpectSame(BytesOfRows);
  ExpectSame([this](Backend& backend) { return BytesOfAttention(backend, dtype_); });
}

OCTET_ON_EACH_BACKEND_AND_DTYPE(VariantsConformance);

}  // namespace
}  // namespace octet
