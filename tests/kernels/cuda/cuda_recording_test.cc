// Operations that the CUDA backend records, and computes again with other lists.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cuda/cuda_runtime.h"
#include "tests/cuda_emu/emulated_device.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

using testing::IsEmpty;

constexpr int kHeads = 4;
constexpr int kHeadDim = 64;
constexpr int64_t kPositions = 700;
constexpr int64_t kTokens = 2;

// A sequence in the pages of one layer, of which two tokens are decoded: the second one's sequence
// has but the first page.
class RecordedAttentionTest : public testing::Test {
 protected:
  RecordedAttentionTest() {
    cuda_emu::Emulation::Device().Reset({});
    pages_.resize((kPositions + kKvBlock - 1) / kKvBlock);
    std::iota(pages_.rbegin(), pages_.rend(), 0);
    const size_t page_bytes = KvBlocks::HeadBytes(kHeadDim, DType::kBF16);
    cache_ = backend_->Allocate(pages_.size() * page_bytes);
    kv_ = {cache_.data(), page_bytes, DType::kBF16, 1, kHeadDim};
    const Matrix keys = OnDevice(OwnedMatrix::Random(kPositions, kHeadDim, DType::kF32, 1));
    const Matrix values = OnDevice(OwnedMatrix::Random(kPositions, kHeadDim, DType::kF32, 2));
    const std::vector<SequenceSpan> all = {{0, kPositions, 0, pages_}};
    backend_->StoreKv(keys, values, all, kv_);
    q_ = OnDevice(OwnedMatrix::Random(kTokens, int64_t{kHeads} * kHeadDim, DType::kF32, 3));
  }
  ~RecordedAttentionTest() override {
    EXPECT_THAT(cuda_emu::Emulation::Device().faults(), IsEmpty());
  }

  Matrix NewMatrix(int64_t rows, int64_t cols) {
    Buffer& memory = memory_.emplace_back(backend_->Allocate(rows * cols * sizeof(float)));
    return {memory.data(), DType::kF32, rows, cols, cols};
  }
  Matrix OnDevice(const OwnedMatrix& x) {
    const ConstMatrix view = x.view();
    const Matrix copy = NewMatrix(view.rows, view.cols);
    for (int64_t r = 0; r < view.rows; ++r) {
      backend_->packer().Write({view.row(r), view.row_bytes()}, copy.row(r));
    }
    return copy;
  }
  std::vector<float> Read(Matrix y) {
    std::vector<float> values(y.rows * y.cols);
    auto* const to = reinterpret_cast<std::byte*>(values.data());
    backend_->CopyToHost(y, {to, DType::kF32, y.rows, y.cols, y.cols});
    backend_->Synchronize();
    return values;
  }

  void SetPosition(int64_t position) {
    spans_ = {{0, 1, position, pages_}, {1, 1, 3, std::span(pages_).first(1)}};
  }
  void Hold() {
    const StepLists lists = {.tokens = tokens_,
                             .positions = tokens_,
                             .spans = spans_,
                             .heads_of_kv = kHeads,
                             .context_room = 1024};
    backend_->HoldLists({&lists, 1});
  }

  std::unique_ptr<Backend> backend_ =
      MakeCudaBackend(0, MakeCpuBackend(SupportedIsas().front(), 1));
  std::vector<Buffer> memory_;
  std::vector<int32_t> pages_;
  Buffer cache_;
  KvBlocks kv_;
  Matrix q_;
  const std::vector<int32_t> tokens_ = {0, 0};
  std::vector<SequenceSpan> spans_;
};

TEST_F(RecordedAttentionTest, TheContextMayGrowWithinItsRoom) {
  const int64_t cols = q_.cols;
  const Matrix y = NewMatrix(kTokens, cols);
  const Matrix expected = NewMatrix(kTokens, cols);
  const auto ask = [&] { backend_->Attention(q_, spans_, kv_, 0, y); };
  SetPosition(300);  // in two splits, which are computed side by side
  Hold();
  ask();
  const std::unique_ptr<RecordedWork> recorded = backend_->Record(ask);
  for (const int64_t position : {100, 300, 699, 40}) {
    SetPosition(position);
    Hold();
    ASSERT_TRUE(recorded->Compute());
    const std::vector<float> result = Read(y);
    backend_->HoldLists({});
    backend_->Attention(q_, spans_, kv_, 0, expected);
    EXPECT_EQ(result, Read(expected)) << position;
  }
}

}  // namespace
}  // namespace octet
