// The experts of a layer on every backend, beside arithmetic in double.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/framed_matrix.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

struct ExpertShape {
  int64_t hidden;
  int64_t intermediate;
};

// No panel is full at the end, and 3 panels of gate are no whole number of AMX tiles. The other
// shape suits tensor cores.
constexpr ExpertShape kExpertShapes[] = {{70, 37}, {72, 40}};
constexpr int64_t kTokens = 40;

struct Expert {
  OwnedMatrix w1, w2, w3;
  ExpertWeights weights;
};

Expert MakeExpert(Backend& backend, const ExpertShape& s, DType dtype, uint32_t seed) {
  Expert e = {.w1 = OwnedMatrix::Random(s.intermediate, s.hidden, dtype, seed, 0.3F),
              .w2 = OwnedMatrix::Random(s.hidden, s.intermediate, dtype, seed + 1, 0.3F),
              .w3 = OwnedMatrix::Random(s.intermediate, s.hidden, dtype, seed + 2, 0.3F)};
  constexpr int64_t kPanel = PackedMatrix::kPanel;
  PackedMatrix& up = e.weights.gate_up;
  up.format = FormatOf(dtype);
  up.rows = 2 * ((s.intermediate + kPanel - 1) / kPanel * kPanel);
  up.cols = s.hidden;
  up.buffer = backend.Allocate(PackedMatrix::Bytes(FormatOf(dtype), up.rows, up.cols));
  backend.packer().Pack(e.w1.view(), 0, 2, up);
  backend.packer().Pack(e.w3.view(), 1, 2, up);
  e.weights.down = PackAll(backend, e.w2, dtype);
  return e;
}

// Three experts, and tokens.
struct Layer {
  Layer(Backend& backend, const ExpertShape& s, DType dtype)
      : shape(s), x(OwnedMatrix::Random(kTokens, s.hidden, dtype, 1)) {
    for (const uint32_t seed : {10, 20, 30}) {
      experts.push_back(MakeExpert(backend, s, dtype, seed));
    }
    for (const Expert& e : experts) weights.push_back(&e.weights);
  }

  OwnedMatrix Run(Backend& backend, const std::vector<int32_t>& rows,
                  const std::vector<int32_t>& offsets) const {
    OwnedMatrix y(std::ssize(rows), shape.hidden);
    backend.GroupedSwiGlu(x.view(), rows, offsets, weights, y.view());
    return y;
  }

  // Silu(gate) * up in double, rounded to the weights' dtype: [intermediate].
  std::vector<double> Between(const Expert& e, int64_t row) const {
    std::vector<double> between;
    for (int64_t i = 0; i < shape.intermediate; ++i) {
      double gate = 0;
      double up = 0;
      for (int64_t k = 0; k < shape.hidden; ++k) {
        gate += double{x.at(row, k)} * e.w1.at(i, k);
        up += double{x.at(row, k)} * e.w3.at(i, k);
      }
      const auto h = static_cast<float>(gate / (1 + std::exp(-gate)) * up);
      between.push_back(x.view().dtype == DType::kBF16 ? ToFloat(ToBF16(h)) : h);
    }
    return between;
  }

  void ExpectNear(const OwnedMatrix& y, int64_t i, const Expert& e, int64_t row) const {
    // A value between the products may round to the other neighbour than in double.
    const double tolerance = x.view().dtype == DType::kBF16 ? 2e-3 : 1e-6;
    const std::vector<double> between = Between(e, row);
    for (int64_t c = 0; c < shape.hidden; ++c) {
      double sum = 0;
      double magnitude = 0;
      for (int64_t k = 0; k < shape.intermediate; ++k) {
        sum += between[k] * e.w2.at(c, k);
        magnitude += std::abs(between[k] * e.w2.at(c, k));
      }
      ASSERT_NEAR(y.at(i, c), sum, tolerance * magnitude) << "row " << i << " output " << c;
    }
  }

  ExpertShape shape;
  OwnedMatrix x;
  std::vector<Expert> experts;
  std::vector<const ExpertWeights*> weights;
};

using GroupedSwiGluConformance = BackendTest;

TEST_P(GroupedSwiGluConformance, EachRowGoesThroughItsExpert) {
  for (const ExpertShape& shape : kExpertShapes) {
    const Layer layer(*backend_, shape, dtype_);
    // A few rows, none, and more than a tile holds.
    std::vector<int32_t> rows = {7, 39, 7};
    for (int32_t r = 0; r < 33; ++r) rows.push_back(r);
    const OwnedMatrix y = layer.Run(*backend_, rows, {0, 3, 3, 36});
    for (int64_t i = 0; i < 36; ++i) {
      layer.ExpectNear(y, i, layer.experts[i < 3 ? 0 : 2], rows[i]);
    }
    EXPECT_EQ(layer.Run(*backend_, {}, {0, 0, 0, 0}).bytes().size(), 0U);
  }
}

TEST_P(GroupedSwiGluConformance, RowDoesNotDependOnOtherRows) {
  for (const ExpertShape& shape : kExpertShapes) {
    const Layer layer(*backend_, shape, dtype_);
    std::vector<int32_t> all(kTokens);
    std::iota(all.begin(), all.end(), 0);
    const OwnedMatrix one_expert = layer.Run(*backend_, all, {0, 0, kTokens, kTokens});
    const auto other = case_.Make(case_.num_variants);
    for (const int32_t rows : {1, 2, 3, 5, 8, 13, 14, 15, 27, 29}) {
      const std::vector<int32_t> some(all.end() - rows, all.end());
      ExpectRows(layer.Run(*other, some, {0, 0, rows, rows}), one_expert, kTokens - rows);
    }
  }
}

// What is filled up between the products does not come from the memory's earlier use.
TEST_P(GroupedSwiGluConformance, EarlierWorkChangesNothing) {
  for (const ExpertShape& shape : kExpertShapes) {
    const Layer layer(*backend_, shape, dtype_);
    const std::vector<int32_t> rows = {3, 1, 4, 1, 5};
    const OwnedMatrix before = layer.Run(*backend_, rows, {0, 2, 2, 5});
    const int64_t count = case_.Pick(500, 70);
    OwnedMatrix nans(count, shape.hidden);
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t c = 0; c < shape.hidden; ++c) nans.set(r, c, kNan);
    }
    OwnedMatrix y(count, shape.intermediate);
    backend_->Matmul(nans.view(), PackAll(*backend_, layer.experts[0].w1, dtype_), y.view());
    OwnedMatrix z(count, shape.hidden);
    const auto rows_of_nans = static_cast<int32_t>(count);
    backend_->GroupedSwiGlu(nans.view(), std::vector<int32_t>(count),
                            std::vector<int32_t>{0, 5, 5, rows_of_nans}, layer.weights, z.view());
    EXPECT_EQ(layer.Run(*backend_, rows, {0, 2, 2, 5}).bytes(), before.bytes());
  }
}

// More rows than a host computes at a time, in experts that the limit cuts.
TEST_P(GroupedSwiGluConformance, ManyRowsAreComputedInParts) {
  constexpr auto part = static_cast<int32_t>(Backend::kExpertRowsAtATime);
  const Layer layer(*backend_, case_.is_slow ? ExpertShape{8, 8} : kExpertShapes[0], dtype_);
  const int32_t many = (case_.is_slow ? 1 : 4) * part + 100;
  const int32_t first = part / 4 * 3;
  const int32_t second = part + 50;
  std::vector<int32_t> rows(many);
  for (int32_t i = 0; i < many; ++i) rows[i] = i % kTokens;
  const OwnedMatrix y = layer.Run(*backend_, rows, {0, first, second, many});
  for (const int32_t i : {0, first - 1, first, part - 1, part, second - 1, second, many - 1}) {
    const OwnedMatrix one = layer.Run(*backend_, {rows[i]}, {0, i < first, i < second, 1});
    ExpectRows(one, y, i);
  }
}

// Rows that are a part of wider ones, as float32 and as the weights' dtype.
TEST_P(GroupedSwiGluConformance, TakesPartsOfMatrices) {
  for (const ExpertShape& shape : kExpertShapes) {
    const Layer layer(*backend_, shape, dtype_);
    const std::vector<int32_t> rows = {3, 1, 4, 1, 5};
    const std::vector<int32_t> offsets = {0, 2, 2, 5};
    const OwnedMatrix expected = layer.Run(*backend_, rows, offsets);
    OwnedMatrix widened(kTokens, shape.hidden);
    backend_->Convert(layer.x.view(), widened.view());
    for (const OwnedMatrix* from : {&layer.x, static_cast<const OwnedMatrix*>(&widened)}) {
      const FramedMatrix part(*from);
      FramedMatrix y(5, shape.hidden);
      backend_->GroupedSwiGlu(part.view(), rows, offsets, layer.weights, y.view());
      y.Expect(expected);
    }
  }
}

OCTET_ON_EACH_BACKEND_AND_DTYPE(GroupedSwiGluConformance);

}  // namespace
}  // namespace octet
