#include "kernels/cuda/sequence_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::Emulation;
using testing::ElementsAre;
using testing::IsEmpty;

class SequenceListsTest : public testing::Test {
 protected:
  SequenceListsTest() { Emulation::Device().Reset({}); }
  ~SequenceListsTest() override { EXPECT_THAT(Emulation::Device().faults(), IsEmpty()); }

  void Set(const std::vector<SequenceSpan>& spans, int64_t tile_tokens) {
    lists_.Set(spans, tile_tokens, stream_, ring_);
  }

  template <class T>
  std::vector<T> Read(const T* from, int64_t count) const {
    std::vector<T> list(count);
    EXPECT_EQ(
        cudaMemcpyAsync(list.data(), from, count * sizeof(T), cudaMemcpyDeviceToHost, stream_),
        cudaSuccess);
    stream_.Wait();
    return list;
  }

  // The position of each token, and the page of it.
  std::vector<std::pair<int32_t, int32_t>> Places(int64_t count) const {
    std::vector<std::pair<int32_t, int32_t>> places;
    for (const DeviceToken& token : Read(lists_.tokens(), count)) {
      places.emplace_back(token.position, Read(token.pages + token.position / kKvBlock, 1)[0]);
    }
    return places;
  }

  Stream stream_;
  UploadRing ring_{stream_, 64 << 10};
  SequenceLists lists_;
};

const std::vector<int32_t> kPages = {7, 9, 3};
const std::vector<int32_t> kOtherPages = {4};

TEST_F(SequenceListsTest, DescribeTokensAndTiles) {
  const std::vector<SequenceSpan> spans = {{2, 3, 62, kPages}, {0, 2, 5, kOtherPages}};
  Set(spans, 2);
  using Pair = std::pair<int32_t, int32_t>;
  EXPECT_THAT(Places(5),
              ElementsAre(Pair{5, 4}, Pair{6, 4}, Pair{62, 9}, Pair{63, 9}, Pair{64, 3}));
  ASSERT_EQ(lists_.num_tiles(), 3);
  EXPECT_EQ(lists_.tile_tokens(), 2);
  EXPECT_EQ(lists_.max_context(), 65);
  const std::vector<QueryTile> tiles = Read(lists_.tiles(), 3);
  EXPECT_EQ(tiles[1].first_row, 4);
  EXPECT_EQ(tiles[1].num_rows, 1);
  EXPECT_EQ(tiles[1].start_pos, 64);
  EXPECT_THAT(Read(tiles[1].pages, 3), ElementsAre(7, 9, 3));
  EXPECT_THAT(Read(tiles[2].pages, 1), ElementsAre(4));
}

TEST_F(SequenceListsTest, TheSameBatchIsUploadedOnce) {
  std::vector<SequenceSpan> spans = {{0, 3, 62, kPages}};
  Set(spans, 2);
  const int64_t bytes = ring_.bytes_uploaded();
  EXPECT_GT(bytes, 0);
  Set(spans, 2);
  EXPECT_EQ(ring_.bytes_uploaded(), bytes);
  const auto expect_new = [&](int64_t tile_tokens) {
    const int64_t before = ring_.bytes_uploaded();
    Set(spans, tile_tokens);
    EXPECT_GT(ring_.bytes_uploaded(), before);
  };
  expect_new(1);
  spans[0].start_pos = 61;
  expect_new(1);
  const std::vector<int32_t> moved = {7, 8, 3};
  spans[0].pages = moved;
  expect_new(1);
  EXPECT_THAT(Places(1), ElementsAre(std::pair<int32_t, int32_t>{61, 8}));
  spans[0].num_rows = 1;
  expect_new(1);
  EXPECT_EQ(lists_.max_context(), 62);
}

// Work that was begun before reads the old lists.
TEST_F(SequenceListsTest, GrowsAfterWorkThatReadsIt) {
  Set({{0, 1, 5, kOtherPages}}, 1);
  std::vector<DeviceToken> old(1);
  EXPECT_EQ(cudaMemcpyAsync(old.data(), lists_.tokens(), sizeof(DeviceToken),
                            cudaMemcpyDeviceToHost, stream_),
            cudaSuccess);
  const std::vector<int32_t> many(400, 6);
  Set({{0, 2000, 0, many}}, 16);
  EXPECT_EQ(Places(2000).back(), std::pair(1999, 6));
  EXPECT_EQ(lists_.num_tiles(), 125);
  EXPECT_EQ(old[0].position, 5);
}

// A batch that is filled up with tokens of no sequence has the same number of tiles.
TEST_F(SequenceListsTest, TokensWithoutPagesAreInNoTile) {
  Set({{0, 1, 5, kOtherPages}, {1, 1, 0, {}}, {2, 1, 0, {}}}, 16);
  const std::vector<DeviceToken> tokens = Read(lists_.tokens(), 3);
  EXPECT_EQ(tokens[0].position, 5);
  EXPECT_EQ(tokens[1].position, -1);
  EXPECT_EQ(tokens[2].position, -1);
  ASSERT_EQ(lists_.num_tiles(), 3);
  EXPECT_EQ(lists_.tile_tokens(), 1);
  const std::vector<QueryTile> tiles = Read(lists_.tiles(), 3);
  EXPECT_EQ(tiles[0].num_rows, 1);
  EXPECT_EQ(tiles[1].num_rows, 0);
  EXPECT_EQ(tiles[2].num_rows, 0);
}

// What was recorded of as many tokens reads the lists of later ones.
TEST_F(SequenceListsTest, ListsOfAsManyTokensStayInTheirPlaces) {
  const std::vector<int32_t> many(40, 6);
  Set({{0, 1, 1000, many}, {1, 1, 5, kOtherPages}}, 16);
  const DeviceToken* const tokens = lists_.tokens();
  const QueryTile* const tiles = lists_.tiles();
  const int64_t num_moves = lists_.num_moves();
  Set({{0, 1, 6, kOtherPages}, {1, 1, 0, {}}}, 16);
  EXPECT_EQ(lists_.tokens(), tokens);
  EXPECT_EQ(lists_.tiles(), tiles);
  EXPECT_EQ(lists_.num_moves(), num_moves);
  const std::vector<int32_t> long_list(1000, 3);
  Set({{0, 1, 31999, long_list}, {1, 1, 0, {}}}, 16);
  EXPECT_EQ(lists_.num_moves(), num_moves + 1);
}

TEST_F(SequenceListsTest, TakesNoSequences) {
  Set({}, 4);
  EXPECT_EQ(lists_.num_tiles(), 0);
  EXPECT_EQ(lists_.max_context(), 0);
  Set({{0, 0, 7, kPages}}, 4);
  EXPECT_EQ(lists_.num_tiles(), 0);
}

}  // namespace
}  // namespace octet::cuda
