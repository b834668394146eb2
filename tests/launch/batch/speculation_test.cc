// Speculation, as a user of run-batch meets it.

#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Requests whose prompts repeat themselves, so that answers do.
std::string RepeatingLines(int max_tokens) {
  std::string prompt;
  for (int i = 0; i < 6; ++i) prompt += "And the LORD spake unto Moses, saying, ";
  const json fields[] = {{{"temperature", 0}},
                         {{"temperature", 0}, {"logprobs", 3}, {"n", 2}},
                         {{"temperature", 0.4}, {"n", 3}},
                         {{"temperature", 0.7}, {"seed", 5}, {"stop", {"Moses, s", "xx"}}},
                         {{"temperature", 0}, {"echo", true}, {"logprobs", 1}},
                         {{"temperature", 0}, {"stop", "unto"}, {"min_tokens", 20}},
                         {{"temperature", 0.2}, {"frequency_penalty", 0.2}},
                         {{"temperature", 0}, {"guided_regex", "( ?[a-z]+,)+ end"}},
                         {{"temperature", 0}, {"logit_bias", {{"300", 30}}}, {"bad_words", {"x"}}}};
  std::string lines;
  int id = 0;
  for (const json& more : fields) {
    json body = {{"prompt", prompt}, {"max_tokens", max_tokens}};
    body.update(more);
    lines += json{{"custom_id", std::to_string(id++)}, {"url", "/v1/completions"}, {"body", body}}
                 .dump() +
             "\n";
  }
  return lines;
}

class SpeculationJobTest : public RunBatchTest {
 protected:
  std::string RunJob(int ranks, const std::string& flags) {
    const ProcessResult result =
        RunOctet(ranks, "run-batch " + Files() + "--overwrite --model " + kDemoModel +
                            " --report " + directory_ + " " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    said_ = result.output;
    summary_ = ParseJson(ReadFile(directory_ + "/summary.json"));
    return ReadFile(output_);
  }

  std::string said_;
  json summary_;
};

TEST_F(SpeculationJobTest, TheSameBytesInFewerSteps) {
  WriteFile(input_, RepeatingLines(60));
  for (const std::string arithmetic :
       {"", "--dtype float32 ", "--weights int8 ", "--weights int4 "}) {
    const std::string expected = RunJob(0, arithmetic + "--speculate off");
    EXPECT_THAT(expected, Not(HasSubstr("\"status_code\":400")));
    EXPECT_THAT(said_, Not(HasSubstr("draft")));
    for (const auto& [ranks, flags] :
         {std::pair(0, "--speculate 8"),
          {2, "--speculate 3 --max-num-seqs 5 --prefix-cache off"},
          {3, "--speculate 5 --placement random:1 --overlap on"},
          {4, "--speculate 32 --ep-size 2 --max-num-batched-tokens 90"}}) {
      EXPECT_EQ(RunJob(ranks, arithmetic + flags), expected) << ranks << " ranks " << flags;
      EXPECT_GT(summary_["accepted_tokens"], 50);
      EXPECT_GT(summary_["draft_tokens"], summary_["accepted_tokens"]);
      EXPECT_THAT(said_, HasSubstr(" draft tokens accepted ("));
    }
    EXPECT_EQ(RunJob(1, arithmetic + "--speculate 8 --kv-cache-gib 0.0009 --max-model-len 200"),
              expected)
        << "little room";
    EXPECT_EQ(RunJob(0, arithmetic + "--speculate auto --max-num-seqs 1"), expected);
    EXPECT_GT(summary_["accepted_tokens"], 50);
    EXPECT_EQ(summary_["steps"].get<int64_t>() + summary_["accepted_tokens"].get<int64_t>(),
              summary_["generated_tokens"]);
  }
}

TEST_F(SpeculationJobTest, ARecordOfRoutingHasNoGuesses) {
  WriteFile(input_, RepeatingLines(20));
  const std::vector<std::string> recording = {"--return-routed-experts",
                                              "--trace " + directory_ + "/t.zst"};
  for (const std::string& flags : recording) {
    RunJob(0, flags);
    EXPECT_EQ(summary_["draft_tokens"], 0);
    const ProcessResult result = RunOctet(2, "run-batch " + Files() + "--overwrite --model " +
                                                 kDemoModel + " --speculate 4 " + flags);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("--speculate 4 contradicts --"));
  }
}

TEST_F(SpeculationJobTest, AResumeMayHaveAnotherSetting) {
  WriteFile(input_, RepeatingLines(20));
  RunJob(0, "--speculate off");
  const ProcessResult again =
      RunOctet(0, "run-batch --resume " + Files() + "--model " + kDemoModel + " --speculate 8");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, HasSubstr("is complete since"));
}

}  // namespace
}  // namespace octet::batch_runs
