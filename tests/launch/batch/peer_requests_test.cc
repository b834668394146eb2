// Requests as other projects send them, answered as they read answers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;

std::vector<json> Answers(const std::string& input, const std::string& flags = "") {
  const std::string directory = TestDirectory();
  WriteFile(directory + "/in.jsonl", input);
  const ProcessResult result =
      RunOctet(2, "run-batch -i " + directory + "/in.jsonl -o " + directory +
                      "/out.jsonl --model " + kDemoModel + " " + flags);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return ParseLines(ReadFile(directory + "/out.jsonl"));
}

std::string Line(const std::string& id, const json& body) {
  return json{{"custom_id", id}, {"method", "POST"}, {"url", "/v1/completions"}, {"body", body}}
             .dump() +
         "\n";
}

// What lm-evaluation-harness takes from the logprobs of a scored context and continuation
// (lm_eval/models/openai_completions.py, parse_logprobs).
struct Score {
  double loglikelihood = 0;
  bool is_greedy = true;
};

Score ScoreOf(const json& choice, size_t context_length) {
  const json& logprobs = choice["logprobs"];
  const size_t end = logprobs["token_logprobs"].size() - 1;  // without the generated token
  Score score;
  for (size_t i = context_length; i < end; ++i) {
    const double logprob = logprobs["token_logprobs"][i];
    double best = -1e30;
    for (const auto& [token, value] : logprobs["top_logprobs"][i].items()) {
      best = std::max(best, value.get<double>());
    }
    score.loglikelihood += logprob;
    score.is_greedy = score.is_greedy && logprob == best;
  }
  return score;
}

json Scored(const json& prompts) {
  return {{"prompt", prompts}, {"model", "m"}, {"max_tokens", 1}, {"logprobs", 1},
          {"echo", true},      {"seed", 1234}, {"temperature", 0}};
}

// A continuation that the model itself gave is greedy, and as likely as the model said; another
// one is less likely.
TEST(PeerRequests, LoglikelihoodsOfLmEval) {
  const std::vector<json> given = Answers(Line("a", {{"prompt", "And the LORD"},
                                                     {"max_tokens", 8},
                                                     {"temperature", 0},
                                                     {"logprobs", 0},
                                                     {"return_token_ids", true}}));
  const json choice = given[0]["response"]["body"]["choices"][0];
  const std::vector<int> context = choice["prompt_token_ids"];
  std::vector<int> greedy = context;
  double expected = 0;
  for (size_t i = 0; i < 8; ++i) {
    greedy.push_back(choice["token_ids"][i]);
    expected += choice["logprobs"]["token_logprobs"][i].get<double>();
  }
  std::vector<int> other = greedy;
  other.back() = 1234;

  const std::vector<json> scored =
      Answers(Line("ids", Scored({greedy, other})) +
              Line("text", Scored({"And the LORD" + choice["text"].get<std::string>()})));
  const json choices = scored[0]["response"]["body"]["choices"];
  ASSERT_EQ(choices.size(), 2U);
  const Score first = ScoreOf(choices[0], context.size());
  EXPECT_NEAR(first.loglikelihood, expected, 1e-5);
  EXPECT_TRUE(first.is_greedy);
  const Score second = ScoreOf(choices[1], context.size());
  EXPECT_LT(second.loglikelihood, first.loglikelihood);
  EXPECT_FALSE(second.is_greedy);
  const Score text = ScoreOf(scored[1]["response"]["body"]["choices"][0], context.size());
  EXPECT_NEAR(text.loglikelihood, expected, 1e-5);
}

TEST(PeerRequests, PayloadsOfLmEval) {
  const auto path = OraclePath("batch/lm_eval_payloads.json");
  OCTET_SKIP_WITHOUT_ORACLE(path, "the payloads of lm-evaluation-harness (batch/)");
  const json payloads = ParseJson(ReadFile(*path))["payloads"];
  ASSERT_GE(payloads.size(), 4U);
  std::string input;
  for (json body : payloads) {
    const std::string kind = body["kind"];
    body.erase("kind");
    input += Line(kind, body);
  }
  const std::vector<json> answers = Answers(input);
  ASSERT_EQ(answers.size(), payloads.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    SCOPED_TRACE(payloads[i].dump());
    ASSERT_EQ(answers[i]["response"]["status_code"], 200) << answers[i].dump();
    const json choice = answers[i]["response"]["body"]["choices"][0];
    if (!payloads[i].contains("echo")) {
      EXPECT_GT(choice["text"].get<std::string>().size(), 0U);
      continue;
    }
    const json& logprobs = choice["logprobs"];
    EXPECT_EQ(logprobs["token_logprobs"][0], nullptr);
    EXPECT_GE(logprobs["token_logprobs"].size(), 3U);
    EXPECT_EQ(logprobs["token_logprobs"].size(), logprobs["top_logprobs"].size());
    EXPECT_LE(ScoreOf(choice, 1).loglikelihood, 0);
  }
}

// vLLM's own test of run-batch: each line gets a batch result object in its order.
TEST(PeerRequests, ExampleOfVllm) {
  const auto path = OraclePath("batch/openai_example_batch.jsonl");
  OCTET_SKIP_WITHOUT_ORACLE(path, "the example of vLLM's run-batch (batch/)");
  const std::string example = ReadFile(*path);
  const std::vector<json> answers = Answers(
      example + "\n" + R"({"custom_id": "bad-url", "method": "POST", )" +
      R"("url": "/v1/bad_endpoint", "body": {"model": "m"}})" + "\n" +
      R"({"custom_id": "stream", "method": "POST", "url": "/v1/chat/completions", "body": )" +
      R"({"messages": [{"role": "user", "content": "Hello"}], "stream": true}})" + "\n");
  ASSERT_EQ(answers.size(), 4U);
  for (int i = 0; i < 2; ++i) {
    const json& answer = answers[i];
    EXPECT_EQ(answer["custom_id"], "request-" + std::to_string(i + 1));
    EXPECT_EQ(answer["error"], nullptr);
    EXPECT_EQ(answer["response"]["status_code"], 200);
    const json& body = answer["response"]["body"];
    EXPECT_EQ(body["object"], "chat.completion");
    EXPECT_EQ(body["choices"][0]["message"]["role"], "assistant");
    EXPECT_LE(body["usage"]["completion_tokens"], 1000);
    EXPECT_EQ(body["usage"]["total_tokens"], body["usage"]["prompt_tokens"].get<int>() +
                                                 body["usage"]["completion_tokens"].get<int>());
  }
  EXPECT_EQ(answers[2]["response"]["body"]["error"]["param"], "url");
  EXPECT_EQ(answers[3]["response"]["body"]["error"]["param"], "stream");
}

TEST(PeerRequests, AnEmptyInputIsAnEmptyOutput) { EXPECT_TRUE(Answers("").empty()); }

}  // namespace
}  // namespace octet
