// Forced routing: who is chosen how often, and what is refused.

#include "launch/bench/routing_load.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "launch/bench/expert_shares.h"
#include "launch/setup/expert_counts_file.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"
#include "tests/support/tiny_trace.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr RoutingShape kShape = {
    .num_layers = 3, .num_experts = 8, .topk = 2, .prompt_len = 16, .seed = 5};

class RoutingLoadTest : public testing::Test {
 protected:
  std::unique_ptr<RoutingLoad> Read(const std::string& text, const RoutingShape& shape = kShape) {
    auto load = ReadRoutingLoad(files_, text, shape);
    OCTET_CHECK(load.ok()) << load.status();
    return *std::move(load);
  }

  void ExpectRefused(const std::string& text, const std::string& message,
                     const RoutingShape& shape = kShape) {
    const auto load = ReadRoutingLoad(files_, text, shape);
    ASSERT_FALSE(load.ok()) << text;
    EXPECT_THAT(std::string(load.status().message()),
                AllOf(StartsWith("--routing "), HasSubstr(message)));
  }

  MemoryFileSystem files_;
};

// The experts of a token, which are checked.
std::vector<int32_t> Choose(RoutingLoad& load, int layer, int64_t line, int64_t position,
                            const RoutingShape& shape = kShape) {
  std::vector<int32_t> experts(shape.topk, -1);
  load.Choose(layer, line, position, experts);
  const std::set<int32_t> different(experts.begin(), experts.end());
  EXPECT_EQ(std::ssize(different), shape.topk);
  EXPECT_GE(*different.begin(), 0);
  EXPECT_LT(*different.rbegin(), shape.num_experts);
  return experts;
}

// Tokens of each expert, of so many lines at these positions of a layer.
std::vector<double> Count(RoutingLoad& load, int layer, int64_t lines, int64_t first_position,
                          int64_t num_positions, const RoutingShape& shape = kShape) {
  std::vector<double> counts(shape.num_experts);
  for (int64_t line = 0; line < lines; ++line) {
    for (int64_t p = first_position; p < first_position + num_positions; ++p) {
      for (const int32_t e : Choose(load, layer, line, p, shape)) ++counts[e];
    }
  }
  return counts;
}

// Within five standard deviations of so many draws with these probabilities, which sum to top k.
void ExpectNear(const std::vector<double>& counts, std::vector<double> probabilities,
                double draws) {
  ASSERT_EQ(counts.size(), probabilities.size());
  for (size_t e = 0; e < counts.size(); ++e) {
    const double p = probabilities[e];
    EXPECT_NEAR(counts[e], draws * p, 5 * std::sqrt(draws * p * (1 - p)) + 1e-9) << e;
  }
}

std::vector<double> Scaled(std::vector<double> weights, double sum) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight *= sum / total;
  return weights;
}

TEST(ExpertShares, AreProportionalAndExact) {
  for (const int topk : {1, 2, 5}) {
    std::vector<double> weights;
    for (int e = 0; e < 37; ++e) weights.push_back(1.0 / (20 + e));
    const std::vector<int64_t> shares = MakeShares(weights, topk);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), int64_t{0}), topk * kWholeShare);
    const std::vector<double> expected = Scaled(weights, topk * static_cast<double>(kWholeShare));
    for (int e = 0; e < 37; ++e) {
      EXPECT_NEAR(static_cast<double>(shares[e]), expected[e], 64) << e;
    }
  }
}

TEST(ExpertShares, NoneIsAboveOne) {
  constexpr int64_t kOne = kWholeShare;
  // 100 and then 10 would get more than one; what is left is shared 3 : 1.
  EXPECT_THAT(MakeShares(std::vector<double>{100, 10, 3, 1, 0}, 3),
              ElementsAre(kOne, kOne, kOne / 4 * 3, kOne / 4, 0));
  EXPECT_THAT(MakeShares(std::vector<double>{1e18, 1, 0}, 2), ElementsAre(kOne, kOne, 0));
  EXPECT_THAT(MakeShares(std::vector<double>{5, 5}, 2), Each(kOne));
}

TEST(ExpertShares, ChosenStandWhereThePointsAre) {
  constexpr int64_t kHalf = kWholeShare / 2;
  const std::vector<int32_t> order = {3, 1, 0, 2};
  const std::vector<int64_t> shares = {kHalf, kHalf, kWholeShare, 0};
  std::vector<int32_t> chosen(2);
  const auto choose = [&](uint32_t point) {
    ChooseExperts(order, shares, point, chosen);
    return chosen;
  };
  EXPECT_THAT(choose(0), ElementsAre(3, 0));
  EXPECT_THAT(choose(kHalf - 1), ElementsAre(3, 0));
  EXPECT_THAT(choose(kHalf), ElementsAre(1, 0));
  EXPECT_THAT(choose(0xffffffff), ElementsAre(1, 0));
}

TEST_F(RoutingLoadTest, UniformIsEven) {
  for (const RoutingShape shape :
       {kShape, RoutingShape{.num_layers = 3, .num_experts = 128, .topk = 8}}) {
    const auto load = Read("uniform", shape);
    const double p = static_cast<double>(shape.topk) / shape.num_experts;
    ExpectNear(Count(*load, 2, 20, 0, 200, shape), std::vector<double>(shape.num_experts, p), 4000);
  }
}

TEST_F(RoutingLoadTest, TokensDrawForThemselves) {
  const auto load = Read("uniform");
  std::set<std::vector<int32_t>> by_layer, by_line, by_position;
  for (int i = 0; i < 3; ++i) by_layer.insert(Choose(*load, i, 0, 0));
  for (int i = 0; i < 60; ++i) by_line.insert(Choose(*load, 0, i, 0));
  for (int i = 0; i < 60; ++i) by_position.insert(Choose(*load, 0, 0, i));
  EXPECT_GT(by_layer.size(), 1U);
  EXPECT_GT(by_line.size(), 20U);
  EXPECT_GT(by_position.size(), 20U);
  RoutingShape other = kShape;
  other.seed = 6;
  const auto other_load = Read("uniform", other);
  int alike = 0;
  for (int i = 0; i < 100; ++i) alike += Choose(*load, 0, i, 0) == Choose(*other_load, 0, i, 0);
  EXPECT_LT(alike, 20);
}

// Whatever was asked before.
TEST_F(RoutingLoadTest, ChoicesFollowFromTheTokenAlone) {
  files_.files["calls.txt"] = "3, 5:4:3\n2, 7:7 # freq=3\n";
  for (const std::string text : {"uniform", "zipf:1.5", "all-on:1,5,6", "counts:calls.txt"}) {
    const auto forth = Read(text);
    const auto back = Read(text);
    EXPECT_EQ(forth->fingerprint(), back->fingerprint());
    std::vector<std::vector<int32_t>> experts;
    for (int i = 0; i < 200; ++i) experts.push_back(Choose(*forth, i % 3, i / 20, i));
    for (int i = 199; i >= 0; --i) EXPECT_EQ(Choose(*back, i % 3, i / 20, i), experts[i]) << text;
  }
  EXPECT_NE(Read("zipf:1")->fingerprint(), Read("zipf:1.5")->fingerprint());
}

TEST_F(RoutingLoadTest, ZipfFallsFromExpertToExpert) {
  const auto load = Read("zipf:0.5");
  std::vector<double> weights;
  for (int e = 0; e < 8; ++e) weights.push_back(1 / std::sqrt(e + 1));
  const std::vector<double> counts = Count(*load, 1, 100, 0, 200);
  ExpectNear(counts, Scaled(weights, 2), 20000);
  EXPECT_TRUE(std::is_sorted(counts.rbegin(), counts.rend()));
  // 1, 1/256, ...: the first expert takes each token, the others share the second slot.
  const std::vector<double> steep = Count(*Read("zipf:8"), 0, 10, 0, 100);
  EXPECT_EQ(steep[0], 1000);
  EXPECT_EQ(Count(*Read("zipf:0"), 0, 10, 0, 10), Count(*Read("uniform"), 0, 10, 0, 10));
}

TEST_F(RoutingLoadTest, AllOnTheseExpertsAlone) {
  EXPECT_THAT(Count(*Read("all-on:6,2"), 1, 10, 0, 20), ElementsAre(0, 0, 200, 0, 0, 0, 200, 0));
  ExpectNear(Count(*Read("all-on:1,3,4,7"), 0, 20, 0, 100), {0, 0.5, 0, 0.5, 0.5, 0, 0, 0.5}, 2000);
}

TEST_F(RoutingLoadTest, CountsOfEachLayer) {
  files_.files["c.json"] = "[[1,1,1,1,2,2,2,6],[8,0,0,0,0,0,0,8],[1,1,1,1,1,1,1,1],[1]]";
  const auto load = Read("counts:c.json");
  ExpectNear(Count(*load, 0, 50, 0, 100), Scaled({1, 1, 1, 1, 2, 2, 2, 6}, 2), 5000);
  EXPECT_THAT(Count(*load, 1, 5, 0, 10), ElementsAre(50, 0, 0, 0, 0, 0, 0, 50));
}

// All lines of a decode step share one call, and come near to its counts.
TEST_F(RoutingLoadTest, ADecodeStepIsOneCall) {
  files_.files["calls.txt"] = "8, 40:30:20:14:10:8:4:2\n";
  const auto load = Read("counts:calls.txt");
  std::set<std::vector<double>> orders;
  for (int layer = 0; layer < 3; ++layer) {
    for (int64_t position = 16; position < 80; ++position) {
      std::vector<double> counts = Count(*load, layer, 64, position, 1);
      orders.insert(counts);
      std::sort(counts.rbegin(), counts.rend());
      const double expected[] = {40, 30, 20, 14, 10, 8, 4, 2};
      for (int e = 0; e < 8; ++e)
        EXPECT_NEAR(counts[e], expected[e], 2) << layer << " " << position;
    }
  }
  EXPECT_GT(orders.size(), 50U);
}

// Prompts share one call in each layer.
TEST_F(RoutingLoadTest, APrefillIsOneCallOfEachLayer) {
  files_.files["calls.txt"] = "# two\n\n8, 900:500:200:100:100:100:100:48 # freq=1 layers=[0]\r\n";
  const auto load = Read("counts:calls.txt");
  std::vector<double> counts = Count(*load, 2, 64, 0, 16);
  std::sort(counts.rbegin(), counts.rend());
  const double expected[] = {900, 500, 200, 100, 100, 100, 100, 48};
  for (int e = 0; e < 8; ++e) EXPECT_NEAR(counts[e], expected[e], 6) << e;
}

TEST_F(RoutingLoadTest, CallsAreDrawnByFrequencyAndDealtOut) {
  files_.files["calls.txt"] = "2, 9:9 # freq=3\n8, 1:1:1:1:1:1:1:1 # freq=1\n";
  const auto load = Read("counts:calls.txt");
  std::vector<double> tokens(8);
  double pairs = 0;
  for (int64_t position = 16; position < 2016; ++position) {
    const std::vector<double> counts = Count(*load, 0, 8, position, 1);
    pairs += std::count(counts.begin(), counts.end(), 8) == 2 ? 1 : 0;
    for (int e = 0; e < 8; ++e) tokens[e] += counts[e];
  }
  ExpectNear({pairs}, {0.75}, 2000);
  for (const double t : tokens) EXPECT_NEAR(t, 4000, 400);
}

TEST_F(RoutingLoadTest, ATraceIsRepeated) {
  const std::string one("\0\1\2\3", 4), two("\3\2\1\0", 4), three("\1\3\0\2", 4);
  WriteTinyTrace(files_, "t.zst",
                 {TinyStep(0, {{.line = 4, .experts = one}, {.line = 9, .experts = three}}),
                  TinyStep(1, {{.line = 4, .position = 1, .experts = two},
                               {.line = 9, .choice = 1, .experts = two}})});
  const RoutingShape shape = {.num_layers = 2, .num_experts = 4, .topk = 2};
  const auto load = Read("trace:t.zst", shape);
  EXPECT_THAT(Choose(*load, 0, 0, 0, shape), ElementsAre(0, 1));
  EXPECT_THAT(Choose(*load, 1, 0, 1, shape), ElementsAre(1, 0));
  EXPECT_THAT(Choose(*load, 1, 0, 2, shape), ElementsAre(2, 3));
  EXPECT_THAT(Choose(*load, 0, 1, 77, shape), ElementsAre(1, 3));
  EXPECT_THAT(Choose(*load, 0, 3, 0, shape), ElementsAre(1, 3));
  ExpectRefused("trace:t.zst", "a model with 4 experts");
  ExpectRefused("trace:t.zst", "has 2 layers, the model has 3",
                {.num_layers = 3, .num_experts = 4, .topk = 2});
  ExpectRefused("trace:none.zst", "none.zst");
  WriteTinyTrace(files_, "twice.zst", {TinyStep(0, {{.experts = std::string("\1\1\2\3", 4)}})});
  ExpectRefused("trace:twice.zst", "an expert twice", shape);
  WriteTinyTrace(files_, "empty.zst", {TinyStep(0, {})});
  ExpectRefused("trace:empty.zst", "has no tokens", shape);
}

TEST_F(RoutingLoadTest, RefusesWhatIsNoLoad) {
  for (const char* text :
       {"even", "zipf", "zipf:", "all-on:", "counts", "trace:", ":", "uniform:1"}) {
    ExpectRefused(text, "must be uniform, zipf:S, all-on:A,B,..., counts:FILE or trace:FILE");
  }
  ExpectRefused("zipf:9", "from 0 to 8");
  ExpectRefused("zipf:x", "from 0 to 8");
  ExpectRefused("all-on:1", "at least 2 experts");
  ExpectRefused("all-on:1,1", "names expert 1 twice");
  ExpectRefused("all-on:1,8", "each from 0 to 7");
  ExpectRefused("all-on:1,", "each from 0 to 7");
  ExpectRefused("counts:none", "none");
  files_.files["c.json"] = " [[1,1,1,1,2,2,2,6],[8,0,0,0,0,0,0,0],[1,1,1,1,1,1,1,1]]";
  ExpectRefused("counts:c.json", "layer 1 has tokens of 1 experts");
  files_.files["c.json"] = "[[1,1],[1,1],[1,1]]";
  ExpectRefused("counts:c.json", "layer 0 must be a list of the tokens of 8 experts");
  files_.files["calls.txt"] = "2, 3:3\n9, 1:1:1:1:1:1:1:1:1\n";
  ExpectRefused("counts:calls.txt", "counts:calls.txt: line 2 has tokens of 9 experts");
  files_.files["calls.txt"] = "# nothing\n";
  ExpectRefused("counts:calls.txt", "has no calls");
}

TEST(RoutingLoadOracle, MeasuredCountsAreFollowed) {
  const auto directory = OraclePath("mixtral_load");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "loads from measured counts of Mixtral-8x7B");
  PosixFileSystem files;
  const RoutingShape shape = {.num_layers = 32, .num_experts = 8, .topk = 2};
  for (const std::string subject : {"college_computer_science", "high_school_mathematics",
                                    "international_law", "machine_learning"}) {
    const std::string path = *directory + "/expert_popularity_" + subject + ".json";
    const auto load = ReadRoutingLoad(files, "counts:" + path, shape);
    ASSERT_TRUE(load.ok()) << load.status();
    const auto counts = ReadExpertCounts(files, "--f", path, 32, 8);
    ASSERT_TRUE(counts.ok()) << counts.status();
    for (const int layer : {0, 31}) {
      const std::vector<double> weights((*counts)[layer].begin(), (*counts)[layer].end());
      ExpectNear(Count(**load, layer, 10, 0, 300, shape), Scaled(weights, 2), 3000);
    }
  }
}

}  // namespace
}  // namespace octet
