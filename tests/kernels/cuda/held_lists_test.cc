#include "kernels/cuda/held_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::Emulation;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsNull;
using testing::NotNull;

class HeldListsTest : public testing::Test {
 protected:
  HeldListsTest() { Emulation::Device().Reset({}); }
  ~HeldListsTest() override { EXPECT_THAT(Emulation::Device().faults(), IsEmpty()); }

  void Hold() {
    held_.Hold({.tokens = tokens_, .positions = positions_, .logit_rows = rows_, .spans = spans_},
               stream_, ring_);
  }
  std::vector<int32_t> CopyOf(std::span<const int32_t> list) const {
    const int32_t* const copy = held_.Find(list);
    EXPECT_THAT(copy, NotNull());
    std::vector<int32_t> read(list.size());
    EXPECT_EQ(
        cudaMemcpyAsync(read.data(), copy, list.size_bytes(), cudaMemcpyDeviceToHost, stream_),
        cudaSuccess);
    stream_.Wait();
    return read;
  }

  const std::vector<int32_t> pages_ = {3};
  std::vector<int32_t> tokens_ = {9, 8, 7};
  std::vector<int32_t> positions_ = {0, 1, 2};
  std::vector<int32_t> rows_ = {2};
  std::vector<SequenceSpan> spans_ = {{0, 3, 0, pages_}};
  Stream stream_;
  UploadRing ring_{stream_, 64 << 10};
  HeldLists held_;
};

TEST_F(HeldListsTest, AreFoundByTheListsOfTheHost) {
  EXPECT_THAT(held_.Find(std::span<const int32_t>(tokens_)), IsNull());
  Hold();
  EXPECT_THAT(CopyOf(tokens_), ElementsAre(9, 8, 7));
  EXPECT_THAT(CopyOf(positions_), ElementsAre(0, 1, 2));
  EXPECT_THAT(CopyOf(rows_), ElementsAre(2));
  ASSERT_THAT(held_.Find(std::span<const SequenceSpan>(spans_)), NotNull());
  EXPECT_EQ(held_.Find(std::span<const SequenceSpan>(spans_))->max_context(), 3);
  EXPECT_THAT(held_.Find(std::span<const int32_t>(tokens_).first(2)), IsNull());
  EXPECT_THAT(held_.Find(std::span<const int32_t>(pages_)), IsNull());
  EXPECT_THAT(held_.Find(std::span<const int32_t>()), IsNull());
  held_.Forget();
  EXPECT_THAT(held_.Find(std::span<const int32_t>(tokens_)), IsNull());
  EXPECT_THAT(held_.Find(std::span<const SequenceSpan>(spans_)), IsNull());
}

TEST_F(HeldListsTest, OfTheSameSizesStayInTheirPlaces) {
  Hold();
  const int32_t* const place = held_.Find(std::span<const int32_t>(positions_));
  const int64_t num_moves = held_.num_moves();
  positions_ = {5, 6, 7};
  Hold();
  EXPECT_EQ(held_.Find(std::span<const int32_t>(positions_)), place);
  EXPECT_THAT(CopyOf(positions_), ElementsAre(5, 6, 7));
  EXPECT_EQ(held_.num_moves(), num_moves);
  tokens_.assign(1000, 4);
  positions_.assign(1000, 1);
  spans_[0].num_rows = 1000;
  Hold();
  EXPECT_EQ(CopyOf(tokens_), tokens_);
  EXPECT_GT(held_.num_moves(), num_moves);
}

}  // namespace
}  // namespace octet::cuda
