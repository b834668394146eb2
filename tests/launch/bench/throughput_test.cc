// octet bench throughput, and the bounds that it compares with.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "launch/bench/step_bounds.h"
#include "launch/version.h"
#include "runtime/trace/token_table.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/local_ranks.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kSmall[] = "--num-prompts 5 --input-len 40 --output-len 6 ";
constexpr char kNoBounds[] = " --no-bounds ";  // which take most of such a run

class BenchThroughputTest : public testing::Test {
 protected:
  const std::string directory_ = TestDirectory();
  const std::string json_ = directory_ + "/out.json";

  ProcessResult Bench(int ranks, const std::string& flags) const {
    return RunOctet(ranks, "bench throughput " + flags);
  }

  json BenchJson(int ranks, const std::string& flags) const {
    const ProcessResult result = Bench(ranks, flags + " --output-json " + json_);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("answers right"));
    return result.exit_code == 0 ? ParseJson(ReadFile(json_)) : json();
  }
};

TEST_F(BenchThroughputTest, CountsWhatItDid) {
  const json report =
      BenchJson(3, absl::StrCat(kSmall, "--random-weights --layers 2 --placement round-robin ",
                                "--max-num-batched-tokens 100 --model ", kDemoModel));
  EXPECT_EQ(report["ranks"], 3);
  EXPECT_EQ(report["model"]["layers"], 2);
  EXPECT_EQ(report["model"]["hidden_size"], 256);
  EXPECT_EQ(report["numerics_class"].get<std::string>().substr(0, 18), "bfloat16/bfloat16/");
  const json& prefill = report["prefill"];
  const json& decode = report["decode"];
  EXPECT_EQ(prefill["prompt_tokens"], 5 * 40);
  EXPECT_EQ(decode["prompt_tokens"], 0);
  EXPECT_EQ(prefill["sampled_tokens"].get<int>() + decode["sampled_tokens"].get<int>(), 5 * 6);
  // The last token of each answer is not computed.
  EXPECT_EQ(prefill["computed_tokens"].get<int>() + decode["computed_tokens"].get<int>(),
            5 * (40 + 5));
  EXPECT_GT(prefill["steps"], 1);
  EXPECT_NEAR(report["decode_tokens_per_s"].get<double>() * decode["seconds"].get<double>(),
              decode["sampled_tokens"].get<double>(), 1e-6);
  EXPECT_NEAR(report["prefill_tokens_per_s"].get<double>() * prefill["seconds"].get<double>(), 200,
              1e-6);
  EXPECT_EQ(report["bounds"]["exchange"].size(), 7U);
  EXPECT_EQ(report["bounds"]["dram_bytes_per_s_of_ranks"].size(), 3U);
  EXPECT_GT(decode["rank_0_seconds"]["experts"], 0);
  EXPECT_GT(decode["bound_seconds"], 0);
  EXPECT_LT(prefill["rank_load_allows"], 1);
  EXPECT_GT(prefill["rank_load_allows"], 1.0 / 3);
  EXPECT_EQ(report["memory_of_ranks"].size(), 3U);
  EXPECT_GT(report["load_bytes"], 0);
}

TEST_F(BenchThroughputTest, ReadsWeightsToo) {
  const json report = BenchJson(
      0, absl::StrCat(kSmall, "--model ", kDemoModel, " --report ", directory_, "/report"));
  EXPECT_EQ(report["model"]["random_weights"], false);
  EXPECT_EQ(report["load_bytes"],
            ParseJson(ReadFile(directory_ +
                               "/report/summary.json"))["rank_memory"][0]["checkpoint_bytes_read"]);
  EXPECT_TRUE(report["bounds"]["exchange"].empty());
  EXPECT_EQ(report["decode"]["rank_load_allows"], 1);
}

TEST_F(BenchThroughputTest, BoundsNeedNotBeMeasured) {
  const ProcessResult without =
      Bench(0, absl::StrCat(kSmall, "--model ", kDemoModel, kNoBounds, "--output-json ", json_));
  EXPECT_THAT(without.output, HasSubstr("bounds     not measured (--no-bounds)\n"));
  EXPECT_THAT(without.output, Not(HasSubstr("of the bound")));
  const json report = ParseJson(ReadFile(json_));
  EXPECT_EQ(report["bounds"]["dram_bytes_per_s_of_ranks"], json::array());
  EXPECT_EQ(report["decode"]["share_of_bound"], 0);
  EXPECT_GT(report["decode"]["seconds"], 0);
}

TEST_F(BenchThroughputTest, ForcedRoutingIsRightOnAnyRanks) {
  const std::string flags = absl::StrCat(kSmall, "--random-weights --layers 2 --model ", kDemoModel,
                                         kNoBounds, "--routing ");
  for (const int ranks : {1, 3}) {
    EXPECT_EQ(BenchJson(ranks, flags + "uniform")["routing"], "uniform");
  }
  const json report = BenchJson(2, flags + "all-on:0,1");  // which live on rank 0
  EXPECT_EQ(report["decode"]["rank_load_allows"], 0.5);
  EXPECT_EQ(report["prefill"]["rank_load_allows"], 0.5);
  EXPECT_EQ(BenchJson(1, kSmall + ("--model " + std::string(kDemoModel)))["routing"], "");
}

TEST_F(BenchThroughputTest, AnswersHaveAHashAndRowsAreCounted) {
  const std::string flags = absl::StrCat(kSmall, "--random-weights --layers 2 --model ", kDemoModel,
                                         kNoBounds, "--max-num-batched-tokens ");
  const json one = BenchJson(1, flags + "512");
  const json two = BenchJson(2, flags + "60 --placement random:1");
  const std::string hash = one["answers_hash"];
  EXPECT_THAT(hash, testing::MatchesRegex("[0-9]+"));
  EXPECT_EQ(two["answers_hash"], hash);
  EXPECT_NE(BenchJson(1, flags + "512 --seed 1")["answers_hash"], hash);
  EXPECT_EQ(two["version"], OctetVersion());
  EXPECT_EQ(one["rank_balancedness"], 1);
  EXPECT_GE(two["rank_balancedness"], 0.5);
  EXPECT_LT(two["rank_balancedness"], 1);
  for (const char* kind : {"dispatch", "combine"}) {
    EXPECT_EQ(one["bytes_in_place"][kind], 0);
    EXPECT_GT(two["bytes_in_place"][kind], 0);
    EXPECT_EQ(two["bytes_sent"][kind], 0);  // between ranks of one host
  }
  EXPECT_GT(two["bytes_sent"]["control"], 0);
}

// On other ranks, with another placement and other batches.
TEST_F(BenchThroughputTest, ARecordedRoutingIsRepeated) {
  const auto bench = [&](int ranks, const std::string& trace, const std::string& flags) {
    const ProcessResult result =
        Bench(ranks, absl::StrCat(kSmall, "--model ", kDemoModel, kNoBounds, "--trace ", directory_,
                                  "/", trace, " ", flags));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("answers right"));
    PosixFileSystem files;
    const auto table = ReadTokenTable(files, directory_ + "/" + trace);
    EXPECT_TRUE(table.ok()) << table.status();
    return table.ok() ? *table : TokenTable();
  };
  const TokenTable first = bench(2, "a.zst", "--seed 1 --routing zipf:1");
  // Prompts of another seed: without the trace they would take other experts.
  const TokenTable again = bench(
      2, "b.zst",
      absl::StrCat("--seed 2 --placement random:7 --max-num-batched-tokens 64 --routing trace:",
                   directory_, "/a.zst"));
  const TokenTable others = bench(2, "c.zst", "--seed 2");
  EXPECT_EQ(first.num_tokens(), 5 * (40 + 5));  // without the warm-up
  for (const TracedAnswer& answer : first.answers) EXPECT_EQ(answer.prompt_tokens, 40);
  EXPECT_EQ(again.experts, first.experts);
  EXPECT_NE(others.experts, first.experts);
  const TokenTable three = bench(3, "d.zst", "--routing trace:" + directory_ + "/a.zst");
  EXPECT_EQ(three.experts, first.experts);
}

TEST_F(BenchThroughputTest, DryRunShowsThePlanAndLoadsNothing) {
  const ProcessResult result =
      Bench(0, absl::StrCat("--random-weights --shape mixtral-8x7b --layers 1 --dry-run ",
                            "--output-json ", json_));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("experts 2.62 GiB"));
  EXPECT_THAT(result.output, HasSubstr("the weights are random"));
  EXPECT_THAT(result.output, Not(HasSubstr("loaded")));
  EXPECT_FALSE(std::filesystem::exists(json_));
}

TEST_F(BenchThroughputTest, RefusesWhatItCannotDo) {
  const auto expect_refused = [&](const std::string& flags, const std::string& message) {
    const ProcessResult result = Bench(0, flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, HasSubstr(message)) << flags;
  };
  const std::string demo = std::string("--model ") + kDemoModel + " ";
  expect_refused("", "--model is missing");
  expect_refused("--random-weights", "from --shape or --model");
  expect_refused(demo + "--random-weights --shape mixtral-8x7b", "from --shape or --model");
  expect_refused("--random-weights --shape llama", "--shape 'llama'");
  expect_refused("--shape mixtral-8x7b", "--random-weights only");
  expect_refused(demo + "--layers 2", "--random-weights only");
  expect_refused(demo + "--random-weights --layers 4", "--layers 4: the model has 3");
  expect_refused(demo + "--input-len 2000 --output-len 100", "max_position_embeddings");
  expect_refused(demo + "--max-model-len 50 --input-len 50 --output-len 1", "--max-model-len 50");
  expect_refused(demo + "--num-prompts 0", "--num-prompts");
  expect_refused(demo + "--routing even", "--routing even: must be uniform");
  expect_refused(demo + "--dry-run --routing all-on:7,8", "each from 0 to 7");
  expect_refused(demo + "--routing counts:/no/such.json", "/no/such.json");
}

// Two ranks on one host and one on another.
StepMachine Machine() {
  return {.rates = {.dram = {10, 20, 50}, .dot_products = 100, .float32_products = 40},
          .hosts = {"a", "a", "b"},
          .replicated_bytes = 300,
          .arithmetic = {.token = 7, .last = 3, .sampled = 1, .seen = 2}};
}

TEST(StepBounds, TheSlowestHostAndAllRanksArithmetic) {
  std::vector<StepRecord> steps(3);
  steps[0].expert_bytes = 100;
  steps[1].expert_bytes = 400;
  steps[1].kv_bytes = 100;
  steps[2].expert_bytes = 1000;
  Bound bound = BoundOfStep(Machine(), steps);
  EXPECT_DOUBLE_EQ(bound.memory, (300 + 600) / 30.0);
  EXPECT_DOUBLE_EQ(bound.seconds, 30);
  EXPECT_STREQ(bound.limit(), "DRAM reads");
  steps[2].expert_bytes = 2000;
  EXPECT_DOUBLE_EQ(BoundOfStep(Machine(), steps).memory, 2300 / 50.0);
  steps[0].tokens = 1000;
  steps[0].sampled_tokens = 500;
  bound = BoundOfStep(Machine(), steps);
  EXPECT_DOUBLE_EQ(bound.arithmetic, 75);
  EXPECT_DOUBLE_EQ(bound.seconds, 75);
  steps[0].last_tokens = 400;
  EXPECT_DOUBLE_EQ(BoundOfStep(Machine(), steps).arithmetic, 75 + 12);
  steps[0].last_tokens = 0;
  steps[0].positions_seen = 30;
  steps[2].positions_seen = 50;
  bound = BoundOfStep(Machine(), steps);
  EXPECT_DOUBLE_EQ(bound.arithmetic, 75 + 4);
  EXPECT_STREQ(bound.limit(), "dot products");
}

// Three layers, the last of which needs all but the keys and values of those tokens alone from
// which another follows.
TEST(StepBounds, ArithmeticIsThatOfEachLayer) {
  ModelConfig config;
  config.num_layers = 3;
  config.hidden_size = 8;
  config.num_heads = 2;
  config.num_kv_heads = 1;
  config.head_dim = 4;
  config.num_experts = 5;
  config.experts_per_token = 2;
  config.intermediate_size = 10;
  config.vocab_size = 100;
  const Arithmetic count = CountArithmetic(config);
  const double qkv = 8 * (8 + 4 + 4);
  const double rest = 8 * 8 + 8 * 5 + 2 * 3 * 8 * 10;
  EXPECT_DOUBLE_EQ(count.token, 2 * (2 * (qkv + rest) + qkv));
  EXPECT_DOUBLE_EQ(count.last, 2 * rest);
  EXPECT_DOUBLE_EQ(count.sampled, 2 * 8 * 100);
  EXPECT_DOUBLE_EQ(count.seen, 2 * 2 * 8);
}

// Two groups of two ranks, two steps of two layers, two experts for each token.
TEST(StepRecord, GroupsWaitForTheirBusiestRankInEachLayer) {
  std::vector<std::vector<StepRecord>> records(4, std::vector<StepRecord>(2));
  AddGroupPairs(2, 2, 2, {{5, 1, 0, 4}, {3, 7, 8, 4}, {0, 0, 1, 1}, {2, 2, 1, 1}}, records);
  EXPECT_EQ(records[0][0].tokens, 4);
  EXPECT_EQ(records[0][0].last_tokens, 4);
  EXPECT_EQ(records[0][1].last_tokens, 4);
  EXPECT_EQ(records[0][0].mean_rank_pairs, 8);
  EXPECT_EQ(records[0][0].busiest_rank_pairs, 5 + 7);
  EXPECT_EQ(records[0][1].busiest_rank_pairs, 8 + 4);
  EXPECT_EQ(records[2][0].tokens, 1);
  EXPECT_EQ(records[2][0].busiest_rank_pairs, 2 + 2);
  EXPECT_EQ(records[2][1].mean_rank_pairs, 2);
  for (const int r : {1, 3}) EXPECT_EQ(records[r][0].busiest_rank_pairs, 0);
}

TEST(StepBounds, SumsStepsOfOneKindAfterTheWarmUp) {
  std::vector<std::vector<StepRecord>> records(3, std::vector<StepRecord>(4));
  for (int i = 0; i < 4; ++i) {
    records[0][i].seconds = 1 << i;
    records[0][i].sampled_tokens = 1;
    records[2][i].expert_bytes = 200 * i;
    records[0][i].mean_rank_pairs = 4;
    records[0][i].busiest_rank_pairs = 4 + i;
  }
  records[0][0].prompt_tokens = 9;
  records[0][2].prompt_tokens = 5;
  const StepSummary decode = Summarize(Machine(), records, 1, false);
  EXPECT_EQ(decode.steps, 2);
  EXPECT_EQ(decode.seconds, 2 + 8);
  EXPECT_EQ(decode.sampled_tokens, 2);
  EXPECT_DOUBLE_EQ(decode.bound.seconds, 10 + 900 / 50.0);
  EXPECT_EQ(decode.mean_rank_pairs, 8);
  EXPECT_EQ(decode.busiest_rank_pairs, 5 + 7);
  const StepSummary prefill = Summarize(Machine(), records, 1, true);
  EXPECT_EQ(prefill.steps, 1);
  EXPECT_EQ(prefill.prompt_tokens, 5);
}

// 12.9 of the 46.7 billion parameters of 8x7B work for each token: the router and 2 of 8
// experts of each layer, attention, the head, and one row of the embedding.
TEST(StepBounds, ArithmeticOfAPublishedModel) {
  ModelConfig config;
  const Arithmetic arithmetic = CountArithmetic(config);
  const double embedding_and_norms = 4096.0 * (32000 + 65);
  EXPECT_DOUBLE_EQ(
      (arithmetic.token + arithmetic.last + arithmetic.sampled) / 2 + embedding_and_norms,
      12879925248);
}

TEST(Probes, ExchangeEveryMessageSizeOnEveryRank) {
  RunLocalRanks(3, [](Communicator& comm) {
    const std::vector<ExchangeRate> rates = ProbeExchange(comm);
    ASSERT_EQ(rates.size(), 7U);
    EXPECT_EQ(rates.front().message_bytes, 1 << 10);
    EXPECT_EQ(rates.back().message_bytes, 4 << 20);
    for (const ExchangeRate& rate : rates) {
      EXPECT_GT(rate.seconds, 0);
      EXPECT_DOUBLE_EQ(rate.bytes_per_second * rate.seconds,
                       2 * static_cast<double>(rate.message_bytes));
    }
  });
}

}  // namespace
}  // namespace octet
