// Experts with quantised weights.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/base/weight_format.h"
#include "kernels/cpu/cpu_backend.h"
#include "tests/support/cpu_paths.h"
#include "tests/support/quantised_rows.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

constexpr int64_t kHidden = 512;
constexpr int64_t kIntermediate = 768;
constexpr int64_t kExpertTokens = 9;

struct FormatsOfCase {
  WeightFormat gate_up;
  WeightFormat down;
};

class BlockSwiGluTest : public testing::TestWithParam<FormatsOfCase> {
 protected:
  struct Expert {
    QuantisedRows w1, w2, w3;
    ExpertWeights weights;
  };

  static Expert MakeExpert(Backend& backend, uint32_t seed) {
    const auto [gate_up, down] = GetParam();
    Expert e = {.w1 = QuantisedRows::Random(gate_up, kIntermediate, kHidden, seed),
                .w2 = QuantisedRows::Random(down, kHidden, kIntermediate, seed + 1),
                .w3 = QuantisedRows::Random(gate_up, kIntermediate, kHidden, seed + 2)};
    PackedMatrix& up = e.weights.gate_up;
    up.format = gate_up;
    up.rows = 2 * kIntermediate;
    up.cols = kHidden;
    up.buffer = backend.Allocate(PackedMatrix::Bytes(gate_up, up.rows, up.cols));
    for (int64_t p = 0; p < kIntermediate / 16; ++p) {
      backend.packer().PackBlocks({e.w1.row(16 * p), e.w1.row_bytes(), 16}, 2 * p, up);
      backend.packer().PackBlocks({e.w3.row(16 * p), e.w3.row_bytes(), 16}, 2 * p + 1, up);
    }
    e.weights.down = PackAll(backend, e.w2);
    return e;
  }

  // The rows `tokens` of x with each expert: expert 0 has the first `split` of them.
  static OwnedMatrix Compute(const CpuPath& path, int threads, const OwnedMatrix& x,
                             const std::vector<int32_t>& tokens, int32_t split) {
    CpuBackend backend(*path.kernels, threads);
    const Expert first = MakeExpert(backend, 1);
    const Expert second = MakeExpert(backend, 11);
    const std::vector<const ExpertWeights*> experts = {&first.weights, &second.weights};
    const std::vector<int32_t> offsets = {0, split, static_cast<int32_t>(tokens.size())};
    OwnedMatrix y(std::ssize(tokens), kHidden);
    backend.GroupedSwiGlu(x.view(), tokens, offsets, experts, y.view());
    return y;
  }

  const OwnedMatrix x_ = OwnedMatrix::Random(kExpertTokens, kHidden, DType::kF32, 3, 0.3F);
};

// In double, from the rounded inputs of both products.
TEST_P(BlockSwiGluTest, IsThatOfTheWeights) {
  CpuBackend backend(*CpuPaths().front().kernels, 1);
  const Expert e = MakeExpert(backend, 1);
  const OwnedMatrix y = Compute(CpuPaths().front(), 1, x_, {4}, 1);
  OwnedMatrix x(1, kHidden);
  for (int64_t k = 0; k < kHidden; ++k) x.set(0, k, x_.at(4, k));
  const OwnedMatrix gate = ReferenceMatmul(x, e.w1);
  const OwnedMatrix up = ReferenceMatmul(x, e.w3);
  OwnedMatrix between(1, kIntermediate);
  for (int64_t i = 0; i < kIntermediate; ++i) {
    between.set(
        0, i,
        static_cast<float>(gate.at(0, i) / (1 + std::exp(-double{gate.at(0, i)})) * up.at(0, i)));
  }
  const OwnedMatrix expected = ReferenceMatmul(between, e.w2);
  double greatest = 0;
  for (int64_t n = 0; n < kHidden; ++n)
    greatest = std::max(greatest, std::abs(double{expected.at(0, n)}));
  // A value between may round to the next of 127 steps.
  for (int64_t n = 0; n < kHidden; ++n) EXPECT_NEAR(y.at(0, n), expected.at(0, n), 5e-3 * greatest);
}

TEST_P(BlockSwiGluTest, RowsThatWereRoundedBeforeAreTheSame) {
  const std::vector<int32_t> tokens = {3, 8, 0, 3, 7};
  OwnedMatrix rounded(kExpertTokens, kHidden, DType::kInt8Blocks);
  CpuBackend(*CpuPaths().front().kernels, 1).Convert(x_.view(), rounded.view());
  for (const CpuPath& path : CpuPaths()) {
    EXPECT_EQ(Compute(path, 2, rounded, tokens, 2).bytes(), Compute(path, 2, x_, tokens, 2).bytes())
        << path.name;
  }
}

TEST_P(BlockSwiGluTest, RowsAreTheSameAloneOnEveryPathAndThread) {
  std::vector<int32_t> tokens(2 * kExpertTokens);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<int32_t>(i * 5 % kExpertTokens);
  constexpr int32_t kSplit = 13;
  const OwnedMatrix expected = Compute(CpuPaths().front(), 1, x_, tokens, kSplit);
  for (const CpuPath& path : CpuPaths()) {
    EXPECT_EQ(Compute(path, 3, x_, tokens, kSplit).bytes(), expected.bytes()) << path.name;
  }
  for (int32_t i = 0; i < std::ssize(tokens); ++i) {
    const OwnedMatrix alone = Compute(CpuPaths().back(), 1, x_, {tokens[i]}, i < kSplit ? 1 : 0);
    for (int64_t n = 0; n < kHidden; ++n) ASSERT_EQ(alone.at(0, n), expected.at(i, n)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, BlockSwiGluTest,
                         testing::Values(FormatsOfCase{WeightFormat::kQ8_0, WeightFormat::kQ8_0},
                                         FormatsOfCase{WeightFormat::kQ4_K, WeightFormat::kQ6_K},
                                         FormatsOfCase{WeightFormat::kQ5_1, WeightFormat::kQ4_0}),
                         [](const auto& test) {
                           return std::string(Name(test.param.gate_up)) + "_" +
                                  Name(test.param.down);
                         });

}  // namespace
}  // namespace octet
