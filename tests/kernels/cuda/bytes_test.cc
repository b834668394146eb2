// The bytes of global memory that kernels move, beside the least that their work needs.
//
// From memory no kernel moves more than 1.15 times the bytes of what it reads and of what it
// writes, each once. What comes through the L2 cache may be more, where blocks read the same or a
// row is read again: how much follows from the shape, and is compared with that.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "tests/cuda_emu/byte_counter.h"
#include "tests/kernels/cuda/flash_case.h"
#include "tests/kernels/cuda/kernel_calls.h"
#include "tests/kernels/cuda/product_case.h"
#include "tests/kernels/cuda/swiglu_layer.h"

namespace octet::cuda {
namespace {

using cuda_emu::ByteCounter;
using cuda_emu::Emulation;
using cuda_emu::MovedBytes;
using cuda_emu::TestStream;

constexpr double kMost = 1.15;
constexpr int64_t kFloat = 4;
constexpr int64_t kIndex = 4;
constexpr int64_t kBf16 = 2;

std::vector<MovedBytes> LaunchesOf(const KernelCall& call) {
  Emulation::Device().Reset({});
  const TestStream stream;
  const ByteCounter counter;
  call(stream);
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  return counter.launches();
}

// counted: as it was. expected: by_launch is the least that the work needs, the others what the
// kernel's blocks are known to read.
void Expect(const std::string& name, const MovedBytes& counted, const MovedBytes& expected) {
  const auto share = [&](int64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(expected.by_launch);
  };
  std::cout << name << ": least " << expected.by_launch << " bytes, from memory "
            << share(counted.by_launch) << ", by block " << share(counted.by_block) << ", by phase "
            << share(counted.by_phase) << "\n";
  EXPECT_GE(counted.by_launch, expected.by_launch) << name;
  EXPECT_LE(share(counted.by_launch), kMost) << name;
  const auto expect_near = [&](int64_t bytes, int64_t known) {
    EXPECT_LE(bytes, kMost * static_cast<double>(known)) << name;
    EXPECT_GE(kMost * static_cast<double>(bytes), known) << name;
  };
  expect_near(counted.by_block, expected.by_block);
  expect_near(counted.by_phase, expected.by_phase);
}

// The last kernel of the call.
void ExpectLast(const std::string& name, const KernelCall& call, const MovedBytes& expected) {
  Expect(name, LaunchesOf(call).back(), expected);
}

// Whose blocks share nothing, and read nothing again.
void ExpectOnce(const std::string& name, const KernelCall& call, int64_t least) {
  ExpectLast(name, call, {least, least, least});
}

TEST(CudaBytes, Rows) {
  for (const int64_t rows : {1, 16}) {
    SCOPED_TRACE(rows);
    constexpr int64_t kCols = 4096;
    const int64_t matrix = rows * kCols * kFloat;
    constexpr int64_t kVector = kCols * kFloat;
    // Each block reads the weights; and its row again after the barrier.
    ExpectLast("norm", CallRmsNorm(rows, kCols), {2 * matrix + kVector, 3 * matrix, 4 * matrix});
    ExpectOnce("add", CallAdd(rows, kCols), 3 * matrix);
    ExpectOnce("gather", CallGatherRows(rows, kCols), matrix + matrix / 2);
    ExpectOnce("weighted sum", CallWeightedSum(rows, kCols), 3 * matrix);
    ExpectOnce("rope", CallRope(rows, 32, 128), 2 * matrix + rows * 128 * kFloat);
    ExpectOnce("route", CallRoute(rows, 8, 2), rows * (8 + 2 + 2) * kFloat);
    ExpectOnce("all finite", CallAllFinite(rows, kCols), matrix);
  }
}

// Rows of the head, which are read once more after each barrier.
TEST(CudaBytes, Logits) {
  constexpr int64_t kVocabSize = 32000;
  constexpr int64_t kRow = kVocabSize * kFloat;
  ExpectLast("softmax", CallSoftmax(2, kVocabSize), {4 * kRow, 4 * kRow, 8 * kRow});
  ExpectLast("log-sum-exp", CallLogSumExp(2, kVocabSize), {2 * kRow, 2 * kRow, 4 * kRow});
  ExpectOnce("ranks", CallTokenLogprobs(2, kVocabSize), 2 * kRow);
}

TEST(CudaBytes, Sampling) {
  constexpr int64_t kVocabSize = 32000;
  constexpr int64_t kRow = kVocabSize * kFloat;
  const std::vector<float> logits = cuda_emu::NormalNumbers(kVocabSize, 1);
  constexpr uint64_t kMiddle = uint64_t{1} << 52;
  const auto expect_passes = [&](const std::string& name, const SampleRow& row, float scale,
                                 int64_t passes) {
    ExpectLast(name, CallSampling(logits, {row}, {scale}), {kRow, kRow, passes * kRow});
  };
  expect_passes("draw of the greatest", {}, 0, 3);
  expect_passes("draw", {.draw = kMiddle}, 1, 5);
  expect_passes("draw with top-p", {.top_p = 0.9F, .draw = kMiddle}, 1, 42);
  expect_passes("draw with top-k", {.top_k = 50, .draw = kMiddle}, 1, 40);
}

// x: [m, k], w: [n, k]. The blocks of a column of tiles read the same weights, those of a row the
// same rows.
void ExpectProductBytes(const std::string& name, int64_t m, int64_t n, int64_t k, int64_t tile_rows,
                        int64_t tile_cols) {
  const Product<BF16> product = {m, n, k};
  const int64_t x = m * k * kBf16;
  const int64_t w = n * k * kBf16;
  const int64_t y = m * n * kFloat;
  const int64_t by_block =
      x * ((n + tile_cols - 1) / tile_cols) + w * ((m + tile_rows - 1) / tile_rows) + y;
  ExpectLast(name, CallOf(product.OnDevice()), {x + w + y, by_block, by_block});
}

TEST(CudaBytes, Products) {
  ExpectProductBytes("product of 1 row", 1, 512, 1024, 16, 32);
  ExpectProductBytes("product of 16 rows", 16, 512, 1024, 16, 32);
  ExpectProductBytes("product of 100 rows", 100, 512, 512, 64, 64);
  ExpectProductBytes("product of 256 rows", 256, 48 * 128, 128, 128, 128);
}

// Different ones that rows [first, end) are of.
int64_t NumTokens(const Layer<BF16>& layer, int64_t first, int64_t end) {
  const std::set<int32_t> tokens(layer.rows.begin() + first, layer.rows.begin() + end);
  return std::ssize(tokens);
}

// The rows of experts begin at `offsets`. Each tile reads the weights.
void ExpectExpertBytes(const std::string& name, const std::vector<int32_t>& offsets,
                       int64_t tile_rows, int64_t tile_cols) {
  constexpr int64_t kHidden = 512;
  constexpr int64_t kIntermediate = 1024;
  const auto layer = Layer<BF16>(kHidden, kIntermediate, offsets).With(tile_rows);
  const std::vector<MovedBytes> launches = LaunchesOf(CallOf(layer.OnDevice()));
  const auto rows = std::ssize(layer.rows);
  const auto experts = std::ssize(offsets) - 1;
  int64_t tiles = 0;
  int64_t tokens_of_tiles = 0;
  for (const ExpertTile& tile : DivideIntoTiles(offsets, tile_rows)) {
    tokens_of_tiles += NumTokens(layer, tile.first, tile.end);
    ++tiles;
  }
  constexpr int64_t kWeights = kHidden * kIntermediate * kBf16;
  const int64_t between = rows * kIntermediate * kBf16;
  const int64_t gate_up = tiles * 2 * kWeights + between +
                          tokens_of_tiles * kHidden * kBf16 * (2 * kIntermediate / tile_cols);
  ASSERT_GE(launches.size(), 2U);
  Expect(name + ", gate and up", launches[launches.size() - 2],
         {NumTokens(layer, 0, rows) * kHidden * kBf16 + experts * 2 * kWeights + between, gate_up,
          gate_up});
  const int64_t y = rows * kHidden * kFloat;
  const int64_t down = tiles * kWeights + y + between * (kHidden / tile_cols);
  Expect(name + ", down", launches.back(), {between + experts * kWeights + y, down, down});
}

TEST(CudaBytes, Experts) {
  ExpectExpertBytes("experts of 1 token", {0, 1, 2}, 16, 32);
  ExpectExpertBytes("experts of 16 tokens", {0, 5, 9, 22, 32}, 16, 32);
  ExpectExpertBytes("experts of 100 rows", {0, 60, 100}, 64, 64);
}

constexpr HeadShape kHeads = {8, 2, 128};
constexpr int64_t kKvOfToken = 2 * 2 * 128 * kBf16;
constexpr int64_t kQueryOfToken = 8 * 128 * kFloat;

TEST(CudaBytes, KeysAndValues) {
  const std::vector<MovedBytes> launches = LaunchesOf(CallAttention(DType::kBF16, kHeads, 600));
  ASSERT_EQ(launches.size(), 2U);
  const int64_t stored = 600 * kKvOfToken * (1 + kFloat / kBf16);
  Expect("keys and values stored", launches[0], {stored, stored, stored});
  // The heads of a key-value head are in different blocks. Sums so far are in y.
  const int64_t kv = 600 * kKvOfToken;
  Expect("attention without tensor cores", launches[1],
         {kv + 2 * kQueryOfToken, 4 * kv + 3 * kQueryOfToken, 4 * kv + 16 * kQueryOfToken});
}

TEST(CudaBytes, AttentionOfOneToken) {
  constexpr int64_t kLength = 1100;
  constexpr int64_t kSplits = (kLength + kAttentionSplit - 1) / kAttentionSplit;
  const PagedCache cache(DType::kBF16, kHeads, {kLength});
  const Way side_by_side = {.tile_tokens = 1, .side_by_side = true, .max_context = kLength};
  const std::vector<MovedBytes> launches =
      LaunchesOf(CallOf(Flash(cache, {{0, kLength - 1, 1}}, side_by_side)));
  ASSERT_GE(launches.size(), 2U);
  constexpr int64_t kKv = kLength * kKvOfToken;
  constexpr int64_t kPartials = kSplits * 8 * (128 + 2) * kFloat;
  constexpr int64_t kByBlock = kKv + kSplits * kQueryOfToken + kPartials;
  Expect("attention of 1 token", launches[launches.size() - 2],
         {kKv + kQueryOfToken + kPartials, kByBlock, kByBlock});
  Expect("merge of splits", launches.back(),
         {kPartials + kQueryOfToken, kPartials + kQueryOfToken, kPartials + kQueryOfToken});
}

// Each tile reads all keys and values before it, and adds to its results in y for each split.
TEST(CudaBytes, AttentionOfAPrompt) {
  constexpr int64_t kLength = 600;
  constexpr int64_t kTile = 16;  // times 4 heads of a key-value head
  const PagedCache cache(DType::kBF16, kHeads, {kLength});
  const Way way = {.tile_tokens = kTile, .side_by_side = false};
  int64_t kv = 0;
  int64_t tokens_read_back = 0;
  int64_t splits = 0;
  for (int64_t first = 0; first < kLength; first += kTile) {
    const int64_t tokens = std::min(kTile, kLength - first);
    const int64_t of_tile = (first + tokens + kAttentionSplit - 1) / kAttentionSplit;
    kv += (first + tokens) * kKvOfToken;
    if (of_tile > 1) tokens_read_back += tokens;
    splits += tokens * of_tile;
  }
  constexpr int64_t kRows = kLength * kQueryOfToken;
  ExpectLast("attention of a prompt", CallOf(Flash(cache, {{0, 0, kLength}}, way)),
             {kLength * kKvOfToken + 2 * kRows, kv + 2 * kRows + tokens_read_back * kQueryOfToken,
              kv + kRows + (2 * splits - kLength) * kQueryOfToken});
}

// A block for each rank goes through the experts of all tokens.
TEST(CudaBytes, PlansOfAHome) {
  constexpr int64_t kRanks = 4;
  constexpr int64_t kExperts = 8;
  for (const int64_t tokens : {1, 16, 300}) {
    const HomeCase home = {kRanks, kExperts, EvenOwners(kRanks, kExperts, 0),
                           DrawRouting(tokens, kExperts, 2, 1)};
    const std::string name = std::to_string(tokens) + " tokens, ";
    const std::vector<MovedBytes> launches = LaunchesOf(CallPlanSends(home, Bases::kExact));
    ASSERT_EQ(launches.size(), 3U);
    const std::set<int> chosen(home.routing.topk_idx.begin(), home.routing.topk_idx.end());
    const int64_t experts = tokens * 2 * kIndex + std::ssize(chosen) * kIndex;
    constexpr int64_t kSizes = kRanks * sizeof(MessageSize);
    const int64_t count = kRanks * (experts + kIndex) + kSizes;
    Expect(name + "count of sends", launches[0], {experts + kIndex + kSizes, count, count});
    constexpr int64_t kBases = kSizes + sizeof(MessageSize);
    Expect(name + "bases", launches[1], {kSizes + kBases, kSizes + kBases, kSizes + kBases});
    const int64_t written = tokens * 2 * (sizeof(DevicePair) + kFloat + 2 * kIndex) + 2 * kSizes;
    const int64_t sends = kRanks * (experts + kIndex) + written;
    Expect(name + "plan of sends", launches[2],
           {experts + kIndex + written, sends, sends + kRanks * experts});
  }
}

// A block for each local expert goes through the experts of all pairs.
TEST(CudaBytes, PlansOfExperts) {
  const HomeCase home = {3, 9, EvenOwners(3, 9, 0), DrawRouting(300, 9, 2, 1)};
  const ArrivedCase arrived({home, home, home}, 1, Bases::kExact);
  const std::vector<MovedBytes> launches = LaunchesOf(CallPlanExperts(arrived));
  ASSERT_EQ(launches.size(), 4U);
  const int64_t pairs = arrived.Starts().back().pairs;
  const int64_t returns = arrived.Starts().back().returns;
  const int64_t experts = pairs * kIndex;
  Expect("count of rows", launches[0], {experts, 3 * experts, 3 * experts});
  // Rows of tokens, and where rows and outputs go.
  const int64_t placed = 3 * pairs * kIndex;
  Expect("place of rows", launches[1],
         {experts + placed, 3 * experts + placed, 6 * experts + placed});
  const int64_t listed = returns * int64_t{sizeof(DeviceReturn)};
  Expect("list of returns", launches[2],
         {experts + listed, experts + listed, 2 * experts + listed});
  // The counts of three experts, and the whole list of who is local.
  constexpr int64_t kCounts = 3 * 2 * sizeof(int64_t) + 4 * kIndex + 9 * kIndex;
  Expect("count of pairs", launches[3], {kCounts, kCounts, kCounts});
}

TEST(CudaBytes, RowsOfAnExchange) {
  constexpr int64_t kCols = 1024;
  constexpr int64_t kTokens = 50;
  const HomeCase home = {3, 9, EvenOwners(3, 9, 0), DrawRouting(kTokens, 9, 2, 1)};
  const std::vector<MovedBytes> launches = LaunchesOf(CallHomeRows(home, kCols));
  ASSERT_GE(launches.size(), 2U);
  const SendPlan plan = home.HostPlan();
  int64_t sent = 0;
  for (const SendPlan::Host& host : plan.hosts) sent += host.num_tokens;
  int64_t returned = 0;
  for (const OwnerPairs& owner : plan.owners) returned += owner.num_returns;
  const int64_t gathered = (kTokens * kFloat + sent * kBf16) * kCols;
  Expect("rows to send", launches[launches.size() - 2], {gathered, gathered, gathered});
  const int64_t combined = (returned + home.capacity()) * kCols * kFloat;
  Expect("rows that came back", launches.back(), {combined, combined, combined});
  const ArrivedCase arrived({home, home, home}, 1, Bases::kExact);
  const MessageSize all = arrived.Starts().back();
  ExpectOnce("sums to return", CallSumReturns(arrived, kCols),
             (all.pairs + all.returns) * kCols * kFloat);
}

}  // namespace
}  // namespace octet::cuda
