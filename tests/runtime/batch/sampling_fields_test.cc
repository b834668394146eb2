// Each field of sampling, stopping and logprobs.

#include "runtime/batch/sampling_fields.h"

#include <limits>

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SamplingFieldsTest : public BatchRequestFixture {
 protected:
  // What both endpoints read of one field.
  SamplingParams Params(const std::string& key, const std::string& value) const {
    const auto field = absl::StrCat("\"", key, "\": ", value);
    const SamplingParams params = Accept(CompletionsWith(field)).params;
    SamplingParams of_chat = Accept(ChatWith(field)).params;
    of_chat.set_max_tokens(params.max_tokens());
    EXPECT_EQ(of_chat.SerializeAsString(), params.SerializeAsString()) << field;
    return params;
  }

  void ExpectBothRefuse(const std::string& key, const std::string& value, std::string param = "",
                        const std::string& code = "invalid_value") const {
    if (param.empty()) param = key;
    const auto field = absl::StrCat("\"", key, "\": ", value);
    ExpectRefused(CompletionsWith(field), param, code);
    ExpectRefused(ChatWith(field), param, code);
  }
};

TEST_F(SamplingFieldsTest, Floats) {
  using Get = float (SamplingParams::*)() const;
  const struct {
    const char* key;
    Get get;
    std::vector<std::pair<std::string, float>> values;
    std::vector<std::string> refused;
  } cases[] = {
      {"temperature",
       &SamplingParams::temperature,
       {{"0", 0}, {"-0.0", 0}, {"1e-3", 0.001F}, {"0.7", 0.7F}, {"2", 2}, {"2.0", 2}},
       {"-0.5", "2.0001", "1e308"}},
      {"top_p",
       &SamplingParams::top_p,
       {{"1", 1}, {"0.9", 0.9F}, {"1e-9", 1e-9F}},
       {"0", "0.0", "-0.5", "1.01", "1e-300"}},
      {"min_p", &SamplingParams::min_p, {{"0", 0}, {"0.1", 0.1F}, {"1", 1}}, {"-0.1", "1.1"}},
      {"presence_penalty",
       &SamplingParams::presence_penalty,
       {{"-2", -2}, {"0.5", 0.5F}, {"2", 2}},
       {"-2.1", "2.1"}},
      {"frequency_penalty",
       &SamplingParams::frequency_penalty,
       {{"-2", -2}, {"0.5", 0.5F}, {"2", 2}},
       {"-2.1", "2.1"}},
      {"repetition_penalty",
       &SamplingParams::repetition_penalty,
       {{"0.5", 0.5F}, {"1.1", 1.1F}, {"2", 2}},
       {"0", "-1", "2.1", "1e-300"}},
  };
  for (const auto& c : cases) {
    for (const auto& [text, value] : c.values) {
      const SamplingParams params = Params(c.key, text);
      EXPECT_EQ((params.*c.get)(), value) << c.key << " " << text;
    }
    for (const std::string& value : c.refused) ExpectBothRefuse(c.key, value);
    for (const char* value : {"\"x\"", "\"\"", "[]", "{}"}) ExpectBothRefuse(c.key, value);
  }
}

TEST_F(SamplingFieldsTest, TopK) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, int>>{
           {"-1", 0}, {"0", 0}, {"1", 1}, {"40", 40}, {"40.0", 40}, {"2147483647", 2147483647}}) {
    EXPECT_EQ(Params("top_k", text).top_k(), value);
  }
  for (const char* value : {"-2", "0.5", "2147483648", "\"1.5\"", "[]"}) {
    ExpectBothRefuse("top_k", value);
  }
}

TEST_F(SamplingFieldsTest, Seed) {
  constexpr auto kLeast = std::numeric_limits<int64_t>::min();
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  for (const int64_t seed : {kLeast, int64_t{-3}, int64_t{0}, kMost}) {
    const SamplingParams params = Params("seed", absl::StrCat(seed));
    EXPECT_TRUE(params.has_seed());
    EXPECT_EQ(params.seed(), seed);
  }
  EXPECT_EQ(Params("seed", "5.0").seed(), 5);
  EXPECT_EQ(Params("seed", "-1e15").seed(), -1'000'000'000'000'000);
  for (const char* value :
       {"1.5", "\"1e3\"", "9223372036854775808", "18446744073709551615", "-9223372036854775809",
        "9223372036854775808.0", "1e19", "1e300", "\"9223372036854775808\"", "[]"}) {
    ExpectBothRefuse("seed", value);
  }
}

TEST_F(SamplingFieldsTest, AnswersToAPrompt) {
  for (const int n : {1, 5, 128}) {
    EXPECT_EQ(Accept(CompletionsWith(absl::StrCat("\"n\": ", n))).n, n);
    EXPECT_EQ(Accept(ChatWith(absl::StrCat("\"n\": ", n))).num_choices(), n);
  }
  for (const char* value : {"0", "-1", "129", "1.5", "\"0\"", "false"})
    ExpectBothRefuse("n", value);
}

TEST_F(SamplingFieldsTest, LogitBias) {
  const SamplingParams params =
      Params("logit_bias", R"({"100": -100, "9": 0.5, "2047": 100, "0": 0})");
  std::vector<std::pair<int, float>> biases;
  for (const LogitBias& bias : params.logit_bias())
    biases.push_back({bias.token_id(), bias.bias()});
  using Bias = std::pair<int, float>;
  EXPECT_THAT(biases, ElementsAre(Bias{0, 0}, Bias{9, 0.5F}, Bias{100, -100}, Bias{2047, 100}));
  EXPECT_THAT(Params("logit_bias", "{}").logit_bias(), IsEmpty());
  for (const char* value :
       {"[]", "\"x\"", "1", R"({"2048": 1})", R"({"-1": 1})", R"({"07": 1})", R"({"+7": 1})",
        R"({" 7": 1})", R"({"7 ": 1})", R"({"": 1})", R"({"x": 1})", R"({"-0": 1})",
        R"({"4294967303": 1})", R"({"7.0": 1})", R"({"7": 100.5})", R"({"7": -101})",
        R"({"7": "x"})", R"({"7": "101"})", R"({"7": null})"}) {
    ExpectBothRefuse("logit_bias", value);
  }
}

TEST_F(SamplingFieldsTest, StopTexts) {
  EXPECT_THAT(Params("stop", R"("END")").stop(), ElementsAre("END"));
  EXPECT_THAT(Params("stop", R"(["b", "\n", "a"])").stop(), ElementsAre("b", "\n", "a"));
  EXPECT_THAT(Params("stop", "[]").stop(), IsEmpty());
  for (const char* value : {"1", "{}", "true", R"("")"}) ExpectBothRefuse("stop", value);
  ExpectBothRefuse("stop", R"(["a", ""])", "stop[1]");
  ExpectBothRefuse("stop", R"(["a", null])", "stop[1]");
  ExpectBothRefuse("stop", R"([["a"]])", "stop[0]");
  std::string many = R"("x")";
  for (int i = 1; i < 64; ++i) many += R"(, "x")";
  EXPECT_EQ(Params("stop", "[" + many + "]").stop_size(), 64);
  ExpectBothRefuse("stop", "[" + many + R"(, "x"])");
  EXPECT_EQ(Params("stop", "\"" + std::string(4096, 'x') + "\"").stop_size(), 1);
  ExpectBothRefuse("stop", "\"" + std::string(4097, 'x') + "\"");
}

TEST_F(SamplingFieldsTest, StopTextsNeedATokenizer) {
  limits_.tokenizer = nullptr;
  ExpectRefused(CompletionsWith(R"("stop": "x")"), "stop", "invalid_value", "no tokenizer");
  ExpectRefused(CompletionsWith(R"("stop": ["x"])"), "stop", "invalid_value", "no tokenizer");
  EXPECT_THAT(Accept(CompletionsWith(R"("stop": [])")).params.stop(), IsEmpty());
}

TEST_F(SamplingFieldsTest, StopTokens) {
  EXPECT_THAT(Params("stop_token_ids", "[5, 0, 2047, 5]").stop_token_ids(),
              ElementsAre(0, 5, 2047));
  EXPECT_THAT(Params("stop_token_ids", "[]").stop_token_ids(), IsEmpty());
  for (const char* value : {"1", "\"1\"", "{}", "true"}) ExpectBothRefuse("stop_token_ids", value);
  ExpectBothRefuse("stop_token_ids", "[1, 2048]", "stop_token_ids[1]");
  for (const char* value : {"[-1]", "[0.5]", "[\"x\"]", "[\"2048\"]", "[null]"}) {
    ExpectBothRefuse("stop_token_ids", value, "stop_token_ids[0]");
  }
}

TEST_F(SamplingFieldsTest, AllowedTokens) {
  EXPECT_THAT(Params("allowed_token_ids", "[5, 0, 2047, 5]").allowed_token_ids(),
              ElementsAre(0, 5, 2047));
  EXPECT_THAT(Params("allowed_token_ids", "null").allowed_token_ids(), IsEmpty());
  for (const char* value : {"1", "{}", "[]"}) ExpectBothRefuse("allowed_token_ids", value);
  ExpectBothRefuse("allowed_token_ids", "[1, 2048]", "allowed_token_ids[1]");
}

TEST_F(SamplingFieldsTest, EndOfSequenceAndSpecialTokens) {
  EXPECT_TRUE(Params("ignore_eos", "true").ignore_eos());
  EXPECT_FALSE(Params("ignore_eos", "false").ignore_eos());
  EXPECT_TRUE(Params("skip_special_tokens", "false").keep_special_tokens());
  EXPECT_FALSE(Params("skip_special_tokens", "true").keep_special_tokens());
  for (const char* key : {"ignore_eos", "skip_special_tokens"}) {
    for (const char* value : {"2", "\"maybe\"", "[]"}) ExpectBothRefuse(key, value);
  }
}

TEST_F(SamplingFieldsTest, LogprobsOfCompletions) {
  for (const int count : {0, 1, 20}) {
    const SamplingParams params =
        Accept(CompletionsWith(absl::StrCat(R"("logprobs": )", count))).params;
    EXPECT_EQ(params.num_logprobs(), count);
    EXPECT_EQ(params.num_prompt_logprobs(), -1);
  }
  for (const char* value : {"-1", "21", "1.5", "\"x\"", "[]"}) {
    ExpectRefused(CompletionsWith(absl::StrCat(R"("logprobs": )", value)), "logprobs");
  }
}

TEST_F(SamplingFieldsTest, LogprobsOfChat) {
  const struct {
    const char* fields;
    int num_logprobs;
  } cases[] = {{R"("logprobs": true)", 0},
               {R"("logprobs": false)", -1},
               {R"("logprobs": true, "top_logprobs": 0)", 0},
               {R"("logprobs": true, "top_logprobs": 20)", 20}};
  for (const auto& c : cases) {
    EXPECT_EQ(Accept(ChatWith(c.fields)).params.num_logprobs(), c.num_logprobs) << c.fields;
  }
  for (const char* value : {"5", "\"many\"", "[]"}) {
    ExpectRefused(ChatWith(absl::StrCat(R"("logprobs": )", value)), "logprobs");
  }
  for (const char* value : {"-1", "21", "0.5", "\"x\""}) {
    ExpectRefused(ChatWith(absl::StrCat(R"("logprobs": true, "top_logprobs": )", value)),
                  "top_logprobs");
  }
  ExpectRefused(ChatWith(R"("top_logprobs": 1)"), "top_logprobs", "invalid_value", "'logprobs'");
  ExpectRefused(ChatWith(R"("logprobs": false, "top_logprobs": 1)"), "top_logprobs");
}

TEST_F(SamplingFieldsTest, PromptLogprobs) {
  const struct {
    const char* fields;
    int shown;
    int computed;
  } cases[] = {{R"("prompt_logprobs": 0)", 0, 0},
               {R"("prompt_logprobs": 20)", 20, 20},
               {R"("prompt_logprobs": 2, "logprobs": 5)", 2, 2},
               {R"("prompt_logprobs": 2, "logprobs": 5, "echo": true)", 2, 5},
               {R"("prompt_logprobs": 7, "logprobs": 5, "echo": true)", 7, 7},
               {R"("logprobs": 5, "echo": true)", -1, 5},
               {R"("echo": true)", -1, -1}};
  for (const auto& c : cases) {
    const BatchRequest request = Accept(CompletionsWith(c.fields));
    EXPECT_EQ(request.shown_prompt_logprobs, c.shown) << c.fields;
    EXPECT_EQ(request.params.num_prompt_logprobs(), c.computed) << c.fields;
  }
  EXPECT_EQ(Accept(ChatWith(R"("prompt_logprobs": 3)")).shown_prompt_logprobs, 3);
  for (const char* value : {"-1", "21", "0.5", "\"x\""}) {
    ExpectBothRefuse("prompt_logprobs", value);
  }
}

// As vLLM's models read them: a client may send texts.
TEST_F(SamplingFieldsTest, NumbersAndSwitchesMayBeTexts) {
  EXPECT_EQ(Params("temperature", R"("0.5")").temperature(), 0.5F);
  EXPECT_EQ(Params("temperature", "true").temperature(), 1);
  EXPECT_EQ(Params("top_k", R"("4")").top_k(), 4);
  EXPECT_EQ(Params("seed", R"("-7")").seed(), -7);
  EXPECT_TRUE(Params("ignore_eos", "1").ignore_eos());
  EXPECT_TRUE(Params("ignore_eos", R"("Yes")").ignore_eos());
  EXPECT_THAT(Params("stop_token_ids", R"(["5", true])").stop_token_ids(), ElementsAre(1, 5));
  EXPECT_EQ(Params("logit_bias", R"({"7": "-1.5"})").logit_bias(0).bias(), -1.5F);
  EXPECT_EQ(Accept(CompletionsWith(R"("n": "2")")).n, 2);
  EXPECT_EQ(Accept(CompletionsWith(R"("max_tokens": "4")")).params.max_tokens(), 4);
  EXPECT_EQ(Accept(CompletionsWith(R"("logprobs": true)")).params.num_logprobs(), 1);
  EXPECT_EQ(Accept(CompletionsWith(R"("logprobs": false)")).params.num_logprobs(), 0);
  EXPECT_EQ(Accept(ChatWith(R"("logprobs": "true")")).params.num_logprobs(), 0);
  EXPECT_EQ(Accept(ChatWith(R"("logprobs": 1, "top_logprobs": "3")")).params.num_logprobs(), 3);
  EXPECT_TRUE(Accept(CompletionsWith(R"("echo": "on")")).echo);
}

TEST_F(SamplingFieldsTest, NoTopLogprobsNeedNoLogprobs) {
  EXPECT_EQ(Accept(ChatWith(R"("top_logprobs": 0)")).params.num_logprobs(), -1);
  EXPECT_EQ(Accept(ChatWith(R"("top_logprobs": 0, "logprobs": false)")).params.num_logprobs(), -1);
}

// What a request states counts, also where it is a neutral value.
TEST_F(SamplingFieldsTest, DefaultsOfTheModel) {
  limits_.defaults = {.temperature = 0.5F,
                      .top_p = 0.25F,
                      .top_k = 7,
                      .min_p = 0.125F,
                      .repetition_penalty = 1.5F,
                      .max_tokens = 20};
  for (const char* unstated : {R"("temperature": null)", R"("top_p": null)", R"("n": 1)"}) {
    const SamplingParams params = Accept(ChatWith(unstated)).params;
    EXPECT_EQ(params.temperature(), 0.5F);
    EXPECT_EQ(params.top_p(), 0.25F);
    EXPECT_EQ(params.top_k(), 7);
    EXPECT_EQ(params.min_p(), 0.125F);
    EXPECT_EQ(params.repetition_penalty(), 1.5F);
    EXPECT_EQ(params.max_tokens(), 20);
  }
  EXPECT_EQ(Accept(CompletionsWith(R"("n": 1)")).params.max_tokens(), 16);
  const SamplingParams stated =
      Accept(ChatWith(R"("temperature": 1, "top_p": 1, "top_k": -1, "min_p": 0,
                         "repetition_penalty": 1, "max_tokens": 30)"))
          .params;
  EXPECT_EQ(stated.temperature(), 1);
  EXPECT_EQ(stated.top_p(), 1);
  EXPECT_EQ(stated.top_k(), 0);
  EXPECT_EQ(stated.min_p(), 0);
  EXPECT_EQ(stated.repetition_penalty(), 1);
  EXPECT_EQ(stated.max_tokens(), 30);
  limits_.defaults.max_tokens = 1000;  // more than there is room for
  EXPECT_LT(Accept(ChatWith(R"("n": 1)")).params.max_tokens(), kMaxModelLen);
}

// As vLLM and llama.cpp do.
TEST_F(SamplingFieldsTest, IfLenientMoreTokensThanFitAreAsManyAsFit) {
  const std::string line = CompletionsWith(R"("max_tokens": 100000)");
  const int64_t prompt = std::ssize(Accept(CompletionsWith(R"("n": 1)")).prompts[0].ids);
  ExpectRefused(line, "max_tokens", "context_length_exceeded");
  limits_.lenient = true;
  EXPECT_EQ(Accept(line).params.max_tokens(), kMaxModelLen - prompt);
  EXPECT_THAT(Parse(line).notes, ElementsAre(testing::HasSubstr("'max_tokens'")));
}

}  // namespace
}  // namespace octet::request_lines
