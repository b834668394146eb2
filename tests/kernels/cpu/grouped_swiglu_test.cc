#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/cpu/cpu_backend.h"
#include "tests/support/cpu_paths.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

struct SwiGluCase {
  CpuPath path;
  DType dtype;
};

std::vector<SwiGluCase> SwiGluCases() {
  std::vector<SwiGluCase> cases;
  for (const CpuPath& path : CpuPaths()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) cases.push_back({path, dtype});
  }
  return cases;
}

// Experts of hidden size 70 and intermediate size 37, so that no panel is full at the end, and 3
// panels of gate are no whole number of AMX tiles.
constexpr int64_t kHidden = 70;
constexpr int64_t kIntermediate = 37;

struct Expert {
  OwnedMatrix w1, w2, w3;
  ExpertWeights weights;
};

Expert MakeExpert(Backend& backend, DType dtype, uint32_t seed) {
  Expert e = {.w1 = OwnedMatrix::Random(kIntermediate, kHidden, dtype, seed, 0.3F),
              .w2 = OwnedMatrix::Random(kHidden, kIntermediate, dtype, seed + 1, 0.3F),
              .w3 = OwnedMatrix::Random(kIntermediate, kHidden, dtype, seed + 2, 0.3F)};
  PackedMatrix& up = e.weights.gate_up;
  up.dtype = dtype;
  up.rows = 2 * 48;
  up.cols = kHidden;
  up.buffer = backend.Allocate(PackedMatrix::Bytes(dtype, up.rows, up.cols));
  backend.packer().Pack(e.w1.view(), 0, 2, up);
  backend.packer().Pack(e.w3.view(), 1, 2, up);
  e.weights.down = PackAll(backend, e.w2, dtype);
  return e;
}

class GroupedSwiGluTest : public testing::TestWithParam<SwiGluCase> {
 protected:
  static constexpr int64_t kTokens = 40;

  GroupedSwiGluTest() {
    for (const uint32_t seed : {10, 20, 30}) {
      experts_.push_back(MakeExpert(*backend_, dtype_, seed));
    }
    for (const Expert& e : experts_) weights_.push_back(&e.weights);
  }

  OwnedMatrix Run(Backend& backend, const std::vector<int32_t>& rows,
                  const std::vector<int32_t>& offsets) {
    OwnedMatrix y(std::ssize(rows), kHidden);
    backend.GroupedSwiGlu(x_.view(), rows, offsets, weights_, y.view());
    return y;
  }

  // In double, what is rounded between the products rounded here, too. Also the sum of the last
  // product's magnitudes.
  std::pair<double, double> Expected(const Expert& e, int64_t row, int64_t output) const {
    double sum = 0;
    double magnitude = 0;
    for (int64_t i = 0; i < kIntermediate; ++i) {
      double gate = 0;
      double up = 0;
      for (int64_t k = 0; k < kHidden; ++k) {
        gate += static_cast<double>(x_.at(row, k)) * e.w1.at(i, k);
        up += static_cast<double>(x_.at(row, k)) * e.w3.at(i, k);
      }
      const auto h = static_cast<float>(gate / (1 + std::exp(-gate)) * up);
      const float rounded = dtype_ == DType::kBF16 ? ToFloat(ToBF16(h)) : h;
      sum += static_cast<double>(rounded) * e.w2.at(output, i);
      magnitude += std::abs(static_cast<double>(rounded) * e.w2.at(output, i));
    }
    return {sum, magnitude};
  }

  const DType dtype_ = GetParam().dtype;
  const CpuKernels& kernels_ = *GetParam().path.kernels;
  std::unique_ptr<Backend> backend_ = std::make_unique<CpuBackend>(kernels_, 2);
  OwnedMatrix x_ = OwnedMatrix::Random(kTokens, kHidden, dtype_, 1);
  std::vector<Expert> experts_;
  std::vector<const ExpertWeights*> weights_;
};

TEST_P(GroupedSwiGluTest, EachRowGoesThroughItsExpert) {
  // A few rows, none, and more than a tile holds.
  std::vector<int32_t> rows = {7, 39, 7};
  for (int32_t r = 0; r < 33; ++r) rows.push_back(r);
  const OwnedMatrix y = Run(*backend_, rows, {0, 3, 3, 36});
  // A value between the products may round to the other neighbour than in double.
  const double tolerance = dtype_ == DType::kBF16 ? 2e-3 : 1e-6;
  for (int64_t i = 0; i < y.view().rows; ++i) {
    for (int64_t c = 0; c < kHidden; ++c) {
      const auto [expected, magnitude] = Expected(experts_[i < 3 ? 0 : 2], rows[i], c);
      ASSERT_NEAR(y.at(i, c), expected, tolerance * magnitude) << "row " << i << " output " << c;
    }
  }
}

TEST_P(GroupedSwiGluTest, RowDoesNotDependOnOtherRowsOrThreads) {
  std::vector<int32_t> all(kTokens);
  std::iota(all.begin(), all.end(), 0);
  const OwnedMatrix one_expert = Run(*backend_, all, {0, 0, kTokens, kTokens});
  CpuBackend alone(kernels_, 1);
  for (const int64_t rows : {1, 2, 3, 5, 8, 13, 14, 15, 27, 29}) {
    const std::vector<int32_t> some(all.end() - rows, all.end());
    const OwnedMatrix y =
        Run(alone, some, {0, 0, static_cast<int32_t>(rows), static_cast<int32_t>(rows)});
    EXPECT_EQ(
        std::memcmp(y.bytes().data(), one_expert.view().row(kTokens - rows), y.bytes().size()), 0)
        << rows << " rows";
  }
}

// What is filled up between the products does not come from the memory's earlier use.
TEST_P(GroupedSwiGluTest, EarlierWorkChangesNothing) {
  const std::vector<int32_t> rows = {3, 1, 4, 1, 5};
  const OwnedMatrix before = Run(*backend_, rows, {0, 2, 2, 5});
  OwnedMatrix nans(500, kHidden, dtype_);
  for (int64_t r = 0; r < 500; ++r) {
    for (int64_t c = 0; c < kHidden; ++c) nans.set(r, c, std::nanf(""));
  }
  OwnedMatrix y(500, kIntermediate);
  backend_->Matmul(nans.view(), PackAll(*backend_, experts_[0].w1, dtype_), y.view());
  EXPECT_EQ(Run(*backend_, rows, {0, 2, 2, 5}).bytes(), before.bytes());
}

// More rows than are computed at a time, in experts that the limit cuts.
TEST_P(GroupedSwiGluTest, ManyRowsAreComputedInParts) {
  constexpr auto kPart = static_cast<int32_t>(Backend::kExpertRowsAtATime);
  constexpr int32_t kMany = 4 * kPart + 100;
  std::vector<int32_t> rows(kMany);
  for (int32_t i = 0; i < kMany; ++i) rows[i] = i % kTokens;
  const OwnedMatrix y = Run(*backend_, rows, {0, 700, 750, kMany});
  for (const int32_t i :
       {0, 699, 700, 749, 750, kPart - 1, kPart, 2 * kPart - 1, 2 * kPart, kMany - 1}) {
    const OwnedMatrix one = Run(*backend_, {rows[i]}, {0, i < 700, i < 750, 1});
    EXPECT_EQ(std::memcmp(y.view().row(i), one.bytes().data(), one.bytes().size()), 0) << i;
  }
}

std::string SwiGluCaseName(const testing::TestParamInfo<SwiGluCase>& test) {
  return std::string(test.param.path.name) + "_" + Name(test.param.dtype);
}

INSTANTIATE_TEST_SUITE_P(AllPaths, GroupedSwiGluTest, testing::ValuesIn(SwiGluCases()),
                         SwiGluCaseName);

}  // namespace
}  // namespace octet
