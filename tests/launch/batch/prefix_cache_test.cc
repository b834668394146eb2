// Shared prompts, as a user of run-batch meets them.

#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Instructions that all requests begin with, of more than three pages.
std::string Instructions() {
  std::string text;
  for (int i = 0; i < 12; ++i)
    text += "And the LORD said unto Moses, number " + std::to_string(i) + ". ";
  return text;
}

std::string SharingLines() {
  std::string lines;
  const char* questions[] = {"",      "", "Who art thou?", "Who art they?", "In the beginning",
                             "ROMEO:"};
  int id = 0;
  for (const char* question : questions) {
    for (const int n : {1, 3}) {
      json body = {{"prompt", Instructions() + question},
                   {"n", n},
                   {"max_tokens", 6 + id},
                   {"temperature", id % 3 == 0 ? 0 : 1},
                   {"logprobs", 2}};
      if (id == 5) body["prompt_logprobs"] = 1;
      if (id == 7) body["echo"] = true;
      lines += json{{"custom_id", std::to_string(id++)}, {"url", "/v1/completions"}, {"body", body}}
                   .dump() +
               "\n";
    }
  }
  return lines;
}

class PrefixCacheJobTest : public RunBatchTest {
 protected:
  std::string RunJob(int ranks, const std::string& flags) {
    const ProcessResult result =
        RunOctet(ranks, "run-batch " + Files() + "--overwrite --model " + kDemoModel + " " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    said_ = result.output;
    return ReadFile(output_);
  }

  std::string said_;
};

TEST_F(PrefixCacheJobTest, TheSameBytesAndOneComputation) {
  WriteFile(input_, SharingLines());
  const std::string report = " --report " + directory_;
  const std::string expected = RunJob(0, "--prefix-cache off" + report);
  EXPECT_THAT(said_, Not(HasSubstr("prefixes")));
  const int64_t all = ParseJson(ReadFile(directory_ + "/summary.json"))["prompt_tokens"];
  for (const auto& [ranks, flags] : {std::pair(0, ""),
                                     {2, "--max-num-seqs 5"},
                                     {3, "--placement random:1 --overlap on"},
                                     {4, "--ep-size 2 --max-num-batched-tokens 90"}}) {
    EXPECT_EQ(RunJob(ranks, flags + report), expected) << ranks << " ranks " << flags;
    const json summary = ParseJson(ReadFile(directory_ + "/summary.json"));
    EXPECT_EQ(summary["prefix_cache_queries"], all);
    EXPECT_EQ(summary["prefix_cache_hits"].get<int64_t>() + summary["prompt_tokens"].get<int64_t>(),
              all);
    EXPECT_GT(summary["prefix_cache_hits"].get<double>() / static_cast<double>(all), 0.5);
    EXPECT_THAT(said_, HasSubstr(" prompt tokens found in the prefix cache ("));
  }
  RunJob(1, "--kv-cache-gib 0.0006 --max-model-len 300" + report);
  EXPECT_EQ(ReadFile(output_), expected) << "little room";
  EXPECT_GE(ParseJson(ReadFile(directory_ + "/summary.json"))["kv_waits"], 1);
}

// tests/fault/interruption_test.cc resumes with either after every step.
TEST_F(PrefixCacheJobTest, AResumeMayHaveAnotherSetting) {
  WriteFile(input_, SharingLines());
  RunJob(0, "--prefix-cache off");
  const ProcessResult again =
      RunOctet(0, "run-batch --resume " + Files() + "--model " + kDemoModel);
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, HasSubstr("is complete since"));
}

// The experts of tokens that were found are known as well.
TEST_F(PrefixCacheJobTest, TracesAndResultsHaveTheExpertsOfAllTokens) {
  WriteFile(input_, SharingLines());
  const auto exported = [&](const std::string& trace) {
    const ProcessResult result =
        RunOctet(0, "trace export " + trace + " --npy " + directory_ + "/x.npy");
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return ReadFile(directory_ + "/x.npy") + ReadFile(directory_ + "/x_weights.npy") +
           ReadFile(directory_ + "/x_answers.csv");
  };
  const std::string flags = "--return-routed-experts --trace " + directory_;
  const std::string expected = RunJob(0, flags + "/off.zst --prefix-cache off");
  EXPECT_EQ(RunJob(0, flags + "/one.zst"), expected);
  EXPECT_EQ(RunJob(3, flags + "/three.zst --placement random:2 --max-num-seqs 7"), expected);
  const std::string tokens = exported(directory_ + "/off.zst");
  EXPECT_EQ(exported(directory_ + "/one.zst"), tokens);
  EXPECT_EQ(exported(directory_ + "/three.zst"), tokens);
  for (const char* trace : {"/one.zst", "/three.zst"}) {
    const ProcessResult stats = RunOctet(0, "trace stats " + directory_ + trace);
    EXPECT_EQ(stats.exit_code, 0) << stats.output;
    EXPECT_THAT(stats.output, HasSubstr("; as counted"));
  }
}

}  // namespace
}  // namespace octet::batch_runs
