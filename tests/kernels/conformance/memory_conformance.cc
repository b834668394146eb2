// Memory, copies and the order of operations on every backend, which is called with memory of its
// device here.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tests/kernels/conformance/backend_case.h"
#include "tests/kernels/conformance/framed_matrix.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

class MemoryConformance : public testing::TestWithParam<BackendCase> {
 protected:
  struct OnDevice {
    Buffer buffer;
    Matrix view;
  };
  OnDevice ToDevice(const OwnedMatrix& m) { return ToDevice(*backend_, m); }
  static OnDevice ToDevice(Backend& backend, const OwnedMatrix& m) {
    OnDevice copy = {backend.Allocate(m.bytes().size()), {}};
    backend.packer().Write(m.bytes(), copy.buffer.data());
    copy.view = {copy.buffer.data(), m.view().dtype, m.view().rows, m.view().cols, m.view().stride};
    return copy;
  }
  static bool IsAligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 64 == 0; }

  const std::unique_ptr<Backend> backend_ = GetParam().make_backend(1);
};

TEST_P(MemoryConformance, IsZeroedAndAligned) {
  for (const int64_t bytes : {1, 7, 64, 5000}) {
    OwnedMatrix out = OwnedMatrix::Random(1, bytes, DType::kBF16, 1);
    const Buffer buffer = backend_->Allocate(2 * bytes);
    EXPECT_TRUE(IsAligned(buffer.data()));
    backend_->CopyToHost(ConstMatrix{buffer.data(), DType::kBF16, 1, bytes, bytes}, out.view());
    backend_->Synchronize();
    EXPECT_EQ(out.bytes(), std::vector<std::byte>(2 * bytes));
    const Buffer host = backend_->AllocateOnHost(bytes);
    EXPECT_TRUE(IsAligned(host.data()));
    EXPECT_TRUE(std::all_of(host.data(), host.data() + bytes,
                            [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST_P(MemoryConformance, WhatIsWrittenIsRead) {
  const auto m = OwnedMatrix::Random(700, 1031, DType::kF32, 1);  // more than 1 MiB
  for (int variant = 1; variant <= GetParam().num_variants; ++variant) {
    const auto backend = GetParam().make_backend(variant);
    const OnDevice copy = ToDevice(*backend, m);
    std::vector<std::byte> room;
    const std::span<const std::byte> read =
        backend->packer().Read({copy.buffer.data(), copy.buffer.bytes()}, room);
    EXPECT_TRUE(read.size() == m.bytes().size() &&
                std::memcmp(read.data(), m.bytes().data(), read.size()) == 0)
        << variant;
    EXPECT_TRUE(backend->packer().Read({}, room).empty());
  }
}

// Any memory of the host, and parts of matrices.
TEST_P(MemoryConformance, CopiesToTheHost) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const auto m = OwnedMatrix::Random(9, 37, dtype, 1);
    const OnDevice copy = ToDevice(m);
    FramedMatrix part(5, 20, dtype);
    backend_->CopyToHost(copy.view.Rows(3, 5).Cols(11, 20), part.view());
    OwnedMatrix none(0, 37, dtype);
    backend_->CopyToHost(copy.view.Rows(3, 0), none.view());
    backend_->Synchronize();
    OwnedMatrix expected(5, 20, dtype);
    for (int64_t i = 0; i < 100; ++i) expected.set(i / 20, i % 20, m.at(3 + i / 20, 11 + i % 20));
    part.Expect(expected);
  }
}

TEST_P(MemoryConformance, OperationsUseMemoryOfTheHost) {
  const auto x = OwnedMatrix::Random(3, 100, DType::kF32, 1);
  std::vector<float> shared(300);  // as another program's memory would be
  const auto bytes = std::as_writable_bytes(std::span(shared));
  backend_->ShareHostMemory(bytes);
  const Buffer pinned = backend_->AllocateOnHost(x.bytes().size());
  std::ranges::copy(x.bytes(), pinned.data());
  const Matrix from = {pinned.data(), DType::kF32, 3, 100, 100};
  const Matrix to = {bytes.data(), DType::kF32, 3, 100, 100};
  backend_->Convert(from, to);
  backend_->Add(from, to);
  backend_->Synchronize();
  for (int64_t i = 0; i < 300; ++i) EXPECT_EQ(shared[i], 2 * x.at(i / 100, i % 100));
  backend_->UnshareHostMemory(bytes);
}

// The caller changes it at once.
TEST_P(MemoryConformance, ListsAreReadBeforeTheOperationReturns) {
  constexpr int64_t kRows = 500;
  OwnedMatrix numbers(kRows, 1);
  for (int64_t r = 0; r < kRows; ++r) numbers.set(r, 0, static_cast<float>(r));
  const OnDevice x = ToDevice(numbers);
  const OnDevice y = ToDevice(OwnedMatrix(kRows, 1));
  std::vector<int32_t> row(1);
  std::vector<float> scales(1);
  RowSums sums = {.offsets = {0, 1}, .rows = {0}, .weights = {0}, .results = {0}};
  for (int64_t r = 0; r < kRows; ++r) {
    if (r % 2 == 0) {
      row[0] = static_cast<int32_t>(r);
      backend_->GatherRows(x.view, row, y.view.Rows(r, 1));
      row[0] = 0;
    } else {
      sums.rows[0] = sums.results[0] = static_cast<int32_t>(r);
      sums.weights[0] = -1;
      backend_->WeightedSum(x.view, sums, y.view);
      sums.rows[0] = sums.results[0] = 0;
    }
  }
  OwnedMatrix out(kRows, 1);
  backend_->CopyToHost(y.view, out.view());
  backend_->Synchronize();
  for (int64_t r = 0; r < kRows; ++r) {
    EXPECT_EQ(out.at(r, 0), static_cast<float>(r % 2 == 0 ? r : -r));
  }
}

// More results than a backend has room for may wait for the host.
TEST_P(MemoryConformance, ResultsAreThereAfterSynchronize) {
  constexpr int64_t kCount = 4200;
  OwnedMatrix numbers(kCount, 1);
  for (int64_t r = 0; r < kCount; ++r) numbers.set(r, 0, static_cast<float>(r) / 8);
  const OnDevice x = ToDevice(numbers);
  const OnDevice logits = ToDevice(OwnedMatrix::Random(1, 4, DType::kF32, 2));
  std::vector<float> sums(kCount, kNan);
  for (int64_t r = 0; r < kCount; ++r) {
    backend_->LogSumExp(x.view.Rows(r, 1), std::span(sums).subspan(r, 1));
  }
  std::vector<int32_t> experts(4, -1);
  std::vector<float> weights(4, kNan);
  backend_->Route(logits.view, 4, experts, weights);
  backend_->Synchronize();
  for (int64_t r = 0; r < kCount; ++r) ASSERT_EQ(sums[r], static_cast<float>(r) / 8);
  EXPECT_EQ(std::accumulate(experts.begin(), experts.end(), 0), 0 + 1 + 2 + 3);
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-6);
}

// An operation reads what those before it wrote, and only those.
TEST_P(MemoryConformance, OperationsAreComputedInTheOrderOfTheCalls) {
  const auto start = OwnedMatrix::Random(3, 300, DType::kF32, 1);
  const OnDevice x = ToDevice(start);
  const OnDevice y = ToDevice(start);
  OwnedMatrix halfway(3, 300);
  for (int i = 0; i < 6; ++i) {
    backend_->Add(i % 2 == 0 ? x.view : y.view, i % 2 == 0 ? y.view : x.view);
    if (i == 2) backend_->CopyToHost(y.view, halfway.view());
  }
  OwnedMatrix out(3, 300);
  backend_->CopyToHost(y.view, out.view());
  backend_->Synchronize();
  for (int64_t i = 0; i < 900; ++i) {
    const float number = start.at(i / 300, i % 300);
    float a = number;
    float b = number;
    for (int step = 0; step < 6; ++step) {
      (step % 2 == 0 ? b : a) += step % 2 == 0 ? a : b;
      if (step == 2) {
        EXPECT_EQ(halfway.at(i / 300, i % 300), b);
      }
    }
    EXPECT_EQ(out.at(i / 300, i % 300), b);
  }
}

TEST_P(MemoryConformance, TheHostHasItsOwnArithmetic) {
  EXPECT_TRUE(backend_->host().is_on_host());
  auto x = OwnedMatrix::Random(1, 30, DType::kF32, 1);
  const OwnedMatrix before = x;
  backend_->host().Add(before.view(), x.view());
  for (int64_t i = 0; i < 30; ++i) EXPECT_EQ(x.at(0, i), 2 * before.at(0, i));
}

OCTET_ON_EACH_BACKEND(MemoryConformance);

}  // namespace
}  // namespace octet
