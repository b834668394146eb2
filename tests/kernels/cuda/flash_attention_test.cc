// Attention by tensor cores on the emulated device, beside arithmetic in double and the plain
// kernel.

#include "kernels/cuda/flash_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/cuda_emu/emulated_device.h"
#include "tests/kernels/cuda/flash_case.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;
using testing::IsEmpty;

std::vector<float> PlainAttention(const PagedCache& cache, const std::vector<Part>& parts,
                                  int64_t window) {
  return ComputeWith(1, [&](const TestStream& stream) {
    const PagedCache::Stored stored(cache, stream);
    std::vector<DeviceToken> tokens;
    for (const Part& part : parts) {
      for (int64_t r = 0; r < part.num_rows; ++r) {
        tokens.push_back(
            {static_cast<int32_t>(part.start_pos + r), cache.PagesOf(stored, part.sequence)});
      }
    }
    const int64_t cols = cache.shape().cols();
    const auto rows = std::ssize(tokens);
    const DeviceArray<DeviceToken> token_array(tokens, stream);
    const DeviceArray<float> q(QueriesOf(cache.shape(), parts), stream), y(rows * cols);
    EXPECT_EQ(Attention(ViewOf(q, rows, cols, cols), token_array.data(), stored.kv, window,
                        ViewOf(y, rows, cols, cols), stream),
              cudaSuccess);
    return y.Read(stream);
  });
}

void ExpectFormula(const PagedCache& cache, const std::vector<Part>& parts, int64_t window,
                   const std::vector<float>& y) {
  constexpr double kTolerance = 2e-5;  // of values whose largest are about 3
  const int64_t cols = cache.shape().cols();
  const std::vector<float> plain = PlainAttention(cache, parts, window);
  int64_t row = 0;
  for (const Part& part : parts) {
    for (int64_t r = 0; r < part.num_rows; ++r, ++row) {
      const int64_t position = part.start_pos + r;
      const std::vector<float> q = QueryOf(cache.shape(), part.sequence, position);
      const std::vector<double> expected =
          cache.Reference(part.sequence, position, window, q.data());
      for (int64_t c = 0; c < cols; ++c) {
        ASSERT_NEAR(y[row * cols + c], expected[c], kTolerance) << "row " << row << ", " << c;
        ASSERT_NEAR(y[row * cols + c], plain[row * cols + c], kTolerance) << row << ", " << c;
      }
    }
  }
}

TEST(CudaFlashAttention, IsTheFormula) {
  const std::vector<HeadShape> shapes = {{2, 2, 64}, {8, 2, 128}, {8, 1, 64}, {3, 1, 128}};
  const std::vector<Part> parts = {{0, 0, 1}, {1, 5, 28}, {2, 299, 1}, {3, 590, 5}};
  for (const HeadShape& shape : shapes) {
    if (kSanitized && shape.kv_heads == 1) continue;
    const PagedCache cache(DType::kBF16, shape, {1, 33, 300, 595});
    const int64_t most = MostTileTokens(shape.heads / shape.kv_heads);
    for (const int64_t window : {0, 50, 300}) {
      if (kSanitized && window == 300) continue;
      SCOPED_TRACE(testing::Message() << shape.heads << " heads, window " << window);
      const std::vector<float> y = ComputeWith(1, Flash(cache, parts, {most, false, window}));
      EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
      ExpectFormula(cache, parts, window, y);
      EXPECT_EQ(ComputeWith(2, Flash(cache, parts, {most, true, window})), y);
      EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
    }
  }
}

// Whether it is decoded or part of a prompt, with or without others, in chunks of any size.
TEST(CudaFlashAttention, ATokenHasItsBitsInEveryTile) {
  for (const HeadShape& shape : {HeadShape{8, 2, 128}, HeadShape{2, 2, 64}}) {
    const PagedCache cache(DType::kBF16, shape, {290, 530});
    const int64_t cols = shape.cols();
    for (const int64_t window : {0, 140}) {
      const Way prompt = {MostTileTokens(shape.heads / shape.kv_heads), false, window};
      const std::vector<float> whole = ComputeWith(1, Flash(cache, {{1, 500, 30}}, prompt));
      const auto expect_same = [&](int64_t first, const std::vector<float>& rows) {
        const auto begin = whole.begin() + (first - 500) * cols;
        EXPECT_EQ(rows, std::vector<float>(begin, begin + std::ssize(rows))) << first;
      };
      for (const bool side_by_side : {false, true}) {
        const Way decode = {1, side_by_side, window};
        expect_same(500, ComputeWith(2, Flash(cache, {{1, 500, 1}}, decode)));
        expect_same(529, ComputeWith(3, Flash(cache, {{1, 529, 1}}, decode)));
        const Way chunks = {7, side_by_side, window};
        expect_same(500, ComputeWith(4, Flash(cache, {{1, 500, 30}}, chunks)));
        const std::vector<float> beside =
            ComputeWith(5, Flash(cache, {{0, 280, 10}, {1, 511, 13}, {0, 7, 1}}, chunks));
        expect_same(511, {beside.begin() + 10 * cols, beside.begin() + 23 * cols});
      }
    }
  }
}

// Memory for the splits of all tiles at once is not needed.
TEST(CudaFlashAttention, AFewTilesAtATimeHaveTheSameBits) {
  const PagedCache cache(DType::kBF16, {2, 2, 64}, {290, 530});
  const std::vector<Part> parts = {{0, 280, 10}, {1, 511, 13}, {0, 7, 1}};
  Way way = {7, true};
  const std::vector<float> expected = ComputeWith(1, Flash(cache, parts, way));
  for (const int64_t count : {1, 2, 5}) {  // of 6, the last without tokens
    way.tiles_at_a_time = count;
    EXPECT_EQ(ComputeWith(2, Flash(cache, parts, way)), expected) << count;
    EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
  }
}

// 0 times what is not finite is not 0.
TEST(CudaFlashAttention, ValuesThatATokenDoesNotSeeDoNotMatter) {
  constexpr int64_t kFirst = 290;
  constexpr int64_t kRows = 16;
  const PagedCache cache(DType::kBF16, {4, 1, 64}, {310});
  PagedCache wrong = cache;
  wrong.SetValue(0, 275, std::numeric_limits<float>::infinity());
  wrong.SetValue(0, 300, std::numeric_limits<float>::quiet_NaN());
  constexpr int64_t kWindow = 20;
  const auto flash = [&](const PagedCache& from, bool side_by_side) {
    return ComputeWith(1, Flash(from, {{0, kFirst, kRows}}, {16, side_by_side, kWindow}));
  };
  const std::vector<float> expected = flash(cache, false);
  for (const bool side_by_side : {false, true}) {
    const std::vector<float> y = flash(wrong, side_by_side);
    for (size_t i = 0; i < y.size(); ++i) {
      const int64_t position = kFirst + static_cast<int64_t>(i) / cache.shape().cols();
      if (position >= 300 || position - kWindow < 275) {
        EXPECT_FALSE(std::isfinite(y[i])) << position;
      } else {
        EXPECT_EQ(y[i], expected[i]) << position;
      }
    }
  }
}

TEST(CudaFlashAttention, AQueryThatIsNotFiniteIsAlone) {
  const PagedCache cache(DType::kBF16, {4, 1, 64}, {300});
  const std::vector<Part> parts = {{0, 280, 16}};
  Way way = {16, false};
  const std::vector<float> expected = ComputeWith(1, Flash(cache, parts, way));
  way.wrong_row = 5;
  const std::vector<float> y = ComputeWith(1, Flash(cache, parts, way));
  for (size_t i = 0; i < y.size(); ++i) {
    const bool is_wrong = static_cast<int64_t>(i) / cache.shape().cols() == way.wrong_row;
    EXPECT_TRUE(is_wrong ? std::isnan(y[i]) : y[i] == expected[i]) << i;
  }
}

TEST(CudaFlashAttention, NeedsEachOfItsSynchronisations) {
  // The window leaves one fold of the first split, whose last stage is among those that the next
  // split begins with. Three of the four warps have no rows and come early.
  const PagedCache cache(DType::kBF16, {4, 1, 64}, {288});
  ExpectExact(Flash(cache, {{0, 264, 4}}, {16, false, 40}), 3);
}

TEST(CudaFlashAttention, PositionsBeyondTheContextAreNan) {
  const PagedCache cache(DType::kBF16, {4, 1, 64}, {300});
  const std::vector<float> y = ComputeWith(1, Flash(cache, {{0, 255, 2}}, {1, true, 0, 256}));
  EXPECT_THAT(std::vector<float>(y.begin(), y.begin() + 256), testing::Each(testing::Lt(10.0F)));
  EXPECT_THAT(std::vector<float>(y.begin() + 256, y.end()), testing::Each(testing::IsNan()));
}

// A captured step is repeated with other positions, up to the context that it was captured for.
TEST(CudaFlashAttention, AGraphFollowsThePositions) {
  constexpr int64_t kMaxContext = 600;
  const PagedCache cache(DType::kBF16, {4, 1, 64}, {kMaxContext});
  const int64_t cols = cache.shape().cols();
  Emulation::Device().Reset({});
  const TestStream stream;
  const PagedCache::Stored stored(cache, stream);
  const DeviceArray<QueryTile> tile(1);
  const DeviceArray<float> q(cols), y(cols);
  FlashAttention attention = {.q = ViewOf(q, 1, cols, cols),
                              .tiles = tile.data(),
                              .num_tiles = 1,
                              .tile_tokens = 1,
                              .kv = stored.kv,
                              .window = 0,
                              .max_context = kMaxContext,
                              .partials = nullptr,
                              .tiles_at_a_time = 1,
                              .y = ViewOf(y, 1, cols, cols)};
  EXPECT_EQ(attention.PartialFloats(1), 3 * 4 * (64 + 2));
  const DeviceArray<float> partials(attention.PartialFloats(1));
  attention.partials = partials.data();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t step = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(attention.Compute(stream), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&step, graph, 0), cudaSuccess);
  for (const int32_t position : {599, 3, 256}) {
    const std::vector<QueryTile> tiles = {{0, 1, position, cache.PagesOf(stored, 0)}};
    const std::vector<float> query = QueryOf(cache.shape(), 0, position);
    const auto upload = [&](auto* to, const auto& from) {
      EXPECT_EQ(cudaMemcpyAsync(to, from.data(), from.size() * sizeof(from[0]),
                                cudaMemcpyHostToDevice, stream),
                cudaSuccess);
    };
    upload(tile.data(), tiles);
    upload(q.data(), query);
    EXPECT_EQ(cudaGraphLaunch(step, stream), cudaSuccess);
    const std::vector<float> result = y.Read(stream);
    const std::vector<double> expected = cache.Reference(0, position, 0, query.data());
    for (int64_t c = 0; c < cols; ++c) EXPECT_NEAR(result[c], expected[c], 2e-5) << position;
  }
  EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
  EXPECT_EQ(cudaGraphExecDestroy(step), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST(CudaFlashAttention, TakesWhatItsKernelsAreWrittenFor) {
  const KvBlocks kv = {nullptr, 1 << 16, DType::kBF16, 8, 128};
  const auto takes = [&](auto change, int64_t num_heads = 32) {
    KvBlocks changed = kv;
    change(changed);
    return FlashTakes(changed, num_heads);
  };
  const auto nothing = [](KvBlocks&) {};
  EXPECT_TRUE(takes(nothing));
  EXPECT_TRUE(takes([](KvBlocks& b) { b.head_dim = 64; }));
  EXPECT_FALSE(takes([](KvBlocks& b) { b.head_dim = 96; }));
  EXPECT_FALSE(takes([](KvBlocks& b) { b.dtype = DType::kF32; }));
  EXPECT_FALSE(takes([](KvBlocks& b) { b.page_bytes += 8; }));
  EXPECT_FALSE(takes([](KvBlocks& b) { b.pages += 8; }));
  EXPECT_FALSE(takes(nothing, 33));
  EXPECT_FALSE(takes(nothing, 0));
  EXPECT_FALSE(takes(nothing, 8 * 65));
  EXPECT_EQ(MostTileTokens(4), 16);
  FlashAttention attention = {.num_tiles = 4, .tile_tokens = 17, .kv = kv, .max_context = 257};
  attention.q.cols = int64_t{32} * 128;
  EXPECT_EQ(attention.Compute(nullptr), cudaErrorInvalidValue);  // of the tile's tokens
  EXPECT_TRUE(attention.WantsPartials(33));
  EXPECT_FALSE(attention.WantsPartials(32));
  attention.max_context = 256;
  EXPECT_FALSE(attention.WantsPartials(33));
}

TEST(CudaFlashAttention, SpansAreDividedIntoTiles) {
  const std::vector<int32_t> pages(2);
  const std::vector<SequenceSpan> spans = {
      {0, 33, 7, std::span(pages).first(1)}, {33, 0, 0, {}}, {33, 1, 90, std::span(pages).last(1)}};
  const std::vector<QueryTile> tiles = DivideIntoQueryTiles(spans, 16);
  ASSERT_EQ(tiles.size(), 4U);
  const auto expect = [&](const QueryTile& tile, int32_t row, int32_t rows, int32_t pos, int page) {
    EXPECT_EQ(tile.first_row, row);
    EXPECT_EQ(tile.num_rows, rows);
    EXPECT_EQ(tile.start_pos, pos);
    EXPECT_EQ(tile.pages, pages.data() + page);
  };
  expect(tiles[0], 0, 16, 7, 0);
  expect(tiles[1], 16, 16, 23, 0);
  expect(tiles[2], 32, 1, 39, 0);
  expect(tiles[3], 33, 1, 90, 1);
}

}  // namespace
}  // namespace octet::cuda
