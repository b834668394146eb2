// Whole lines: what is one, what its defaults are, what is ignored.

#include "runtime/batch/batch_line.h"

#include "tests/support/batch_request_fixture.h"
#include "tests/support/sanitized.h"

namespace octet::request_lines {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BatchRequestTest : public BatchRequestFixture {
 protected:
  // No field to name: the line is no request at all.
  void ExpectNoJson(const std::string& line, const std::string& message) const {
    SCOPED_TRACE(line.substr(0, 200));
    EXPECT_FALSE(Parse(line).has_custom_id);
    const RequestError error = Refuse(line);
    EXPECT_EQ(error.param, "");
    EXPECT_EQ(error.code, "invalid_json");
    EXPECT_THAT(error.message, HasSubstr(message));
  }

  // All parameters at their defaults.
  static void ExpectDefaults(const BatchRequest& request) {
    const SamplingParams& params = request.params;
    EXPECT_EQ(params.min_tokens(), 0);
    EXPECT_EQ(params.temperature(), 1);
    EXPECT_EQ(params.top_p(), 1);
    EXPECT_EQ(params.top_k(), 0);
    EXPECT_EQ(params.min_p(), 0);
    EXPECT_FALSE(params.has_seed());
    EXPECT_EQ(params.seed(), 0);
    EXPECT_EQ(params.presence_penalty(), 0);
    EXPECT_EQ(params.frequency_penalty(), 0);
    EXPECT_EQ(params.repetition_penalty(), 1);
    EXPECT_EQ(params.logit_bias_size(), 0);
    EXPECT_FALSE(params.ignore_eos());
    EXPECT_EQ(params.stop_token_ids_size(), 0);
    EXPECT_EQ(params.stop_size(), 0);
    EXPECT_FALSE(params.keep_special_tokens());
    EXPECT_EQ(params.num_logprobs(), -1);
    EXPECT_EQ(params.num_prompt_logprobs(), -1);
    EXPECT_EQ(request.n, 1);
    EXPECT_FALSE(request.echo);
    EXPECT_TRUE(request.generate);
    EXPECT_FALSE(request.include_stop_text);
    EXPECT_FALSE(request.return_token_ids);
    EXPECT_EQ(request.shown_prompt_logprobs, -1);
  }
};

TEST_F(BatchRequestTest, CompletionsDefaults) {
  const ParsedLine parsed = Parse(Completions(R"({"prompt": [5, 6, 7]})"));
  EXPECT_TRUE(parsed.has_custom_id);
  EXPECT_EQ(parsed.custom_id, "a");
  EXPECT_THAT(parsed.ignored_fields, IsEmpty());
  const auto& request = std::get<BatchRequest>(parsed.request);
  EXPECT_EQ(request.custom_id, "a");
  EXPECT_EQ(request.endpoint, Endpoint::kCompletions);
  ASSERT_EQ(request.prompts.size(), 1U);
  EXPECT_THAT(request.prompts[0].ids, ElementsAre(5, 6, 7));
  EXPECT_EQ(request.params.max_tokens(), 16);
  ExpectDefaults(request);
}

TEST_F(BatchRequestTest, ChatDefaultsToAllTheRoom) {
  const BatchRequest request = Accept(Chat(R"({"messages": [{"role": "user", "content": "Hi"}]})"));
  EXPECT_EQ(request.endpoint, Endpoint::kChatCompletions);
  ASSERT_EQ(request.prompts.size(), 1U);
  EXPECT_EQ(request.prompts[0].ids, IdsOfChat("Hi"));
  EXPECT_EQ(request.params.max_tokens() + std::ssize(request.prompts[0].ids), kMaxModelLen);
  ExpectDefaults(request);
}

TEST_F(BatchRequestTest, NullIsAbsent) {
  const std::string both =
      R"("model": null, "max_tokens": null, "max_completion_tokens": null, "min_tokens": null,
         "temperature": null, "top_p": null, "top_k": null, "min_p": null, "seed": null, "n": null,
         "presence_penalty": null, "frequency_penalty": null, "repetition_penalty": null,
         "logit_bias": null, "stop": null, "stop_token_ids": null, "ignore_eos": null,
         "skip_special_tokens": null, "include_stop_str_in_output": null, "echo": null,
         "return_token_ids": null, "logprobs": null, "prompt_logprobs": null, "user": null,
         "metadata": null, "store": null, "stream": null, "stream_options": null,
         "service_tier": null, "response_format": null, "best_of": null, "suffix": null,
         "tools": null, "tool_choice": null, "top_logprobs": null, "no_such_field": null)";
  ExpectDefaults(Accept(CompletionsWith(both)));
  ExpectDefaults(Accept(ChatWith(both)));
  Accept(Chat(R"({"messages": [{"role": "user", "content": "Hi", "name": null}]})"));
  Accept(R"({"custom_id": "a", "method": null, "url": "/v1/completions", "extra": null,
             "body": {"prompt": [5]}})");
}

TEST_F(BatchRequestTest, CustomIdIsTakenAsItIs) {
  for (const char* id : {"", "a b", "\u00e9\U0001F600", "\\\"\\\\\\n"}) {
    const auto line = absl::StrCat(R"({"custom_id": ")", id,
                                   R"(", "url": "/v1/completions", "body": {"prompt": [1]}})");
    const ParsedLine parsed = Parse(line);
    EXPECT_TRUE(parsed.has_custom_id) << line;
    EXPECT_EQ(std::get<BatchRequest>(parsed.request).custom_id, parsed.custom_id);
  }
}

TEST_F(BatchRequestTest, ErrorsKeepTheCustomId) {
  const ParsedLine parsed = Parse(Completions(R"({"prompt": [1], "stop": 1})"));
  EXPECT_TRUE(std::holds_alternative<RequestError>(parsed.request));
  EXPECT_TRUE(parsed.has_custom_id);
  EXPECT_EQ(parsed.custom_id, "a");
}

TEST_F(BatchRequestTest, RefusesLines) {
  const struct {
    const char* line;
    const char* param;
    const char* code;
  } cases[] = {
      {R"({})", "custom_id", "missing_required_parameter"},
      {R"({"custom_id": null, "url": "/v1/completions", "body": {"prompt": [1]}})", "custom_id",
       "missing_required_parameter"},
      {R"({"custom_id": 7, "url": "/v1/completions", "body": {"prompt": [1]}})", "custom_id",
       "invalid_value"},
      {R"({"custom_id": "a", "url": "/v1/completions"})", "body", "invalid_value"},
      {R"({"custom_id": "a", "url": "/v1/completions", "body": null})", "body", "invalid_value"},
      {R"({"custom_id": "a", "url": "/v1/completions", "body": "{}"})", "body", "invalid_value"},
      {R"({"custom_id": "a", "url": "/v1/completions", "body": []})", "body", "invalid_value"},
      {R"({"custom_id": "a", "body": {"prompt": [1]}})", "url", "invalid_url"},
      {R"({"custom_id": "a", "url": "/v1/embeddings", "body": {}})", "url", "invalid_url"},
      {R"({"custom_id": "a", "url": "/v1/completions/", "body": {}})", "url", "invalid_url"},
      {R"({"custom_id": "a", "url": 1, "body": {}})", "url", "invalid_value"},
      {R"({"custom_id": "a", "method": "GET", "url": "/v1/completions", "body": {}})", "method",
       "invalid_value"},
      {R"({"custom_id": "a", "method": true, "url": "/v1/completions", "body": {}})", "method",
       "invalid_value"},
      {R"({"custom_id": "a", "url": "/v1/completions", "body": {}})", "prompt",
       "missing_required_parameter"},
      {R"({"custom_id": "a", "url": "/v1/chat/completions", "body": {}})", "messages",
       "missing_required_parameter"},
  };
  for (const auto& c : cases) ExpectRefused(c.line, c.param, c.code);
}

TEST_F(BatchRequestTest, RefusesUnknownFields) {
  for (const char* name : {"Temperature", "max-tokens", "prompt_token_ids", "\u00e9"}) {
    ExpectRefused(CompletionsWith(absl::StrCat("\"", name, "\": 1")), name, "unknown_parameter");
    ExpectRefused(ChatWith(absl::StrCat("\"", name, "\": 1")), name, "unknown_parameter");
  }
}

TEST_F(BatchRequestTest, AFieldsNameIsShownAsOneShortLine) {
  const RequestError error =
      Refuse(CompletionsWith("\"" + std::string(1000, 'x') + R"(\n\u0000": 1)"));
  EXPECT_THAT(error.message, HasSubstr(R"(xx\n\x00' is not a field)"));
  EXPECT_LT(error.message.size(), 400U);
}

TEST_F(BatchRequestTest, OtherKeysOfTheLineAreTheClientsOwn) {
  Accept(R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": [5]}, "label": "B",
             "priority": 1, "": [{}]})");
}

// So that its error line can be found.
TEST_F(BatchRequestTest, ANumberIsNoCustomIdAndIsShown) {
  const std::pair<const char*, const char*> ids[] = {
      {"7", "7"},   {"-3", "-3"}, {"1.5", "1.5"}, {"18446744073709551615", "18446744073709551615"},
      {"true", ""}, {"[7]", ""},  {"{}", ""}};
  for (const auto& [id, shown] : ids) {
    const auto line = absl::StrCat(R"({"custom_id": )", id,
                                   R"(, "url": "/v1/completions", "body": {"prompt": [1]}})");
    ExpectRefused(line, "custom_id", "invalid_value", "must be a string");
    EXPECT_FALSE(Parse(line).has_custom_id);
    EXPECT_EQ(Parse(line).custom_id, shown);
  }
}

TEST_F(BatchRequestTest, TheFirstErrorStays) {
  ExpectRefused(Completions(R"({"prompt": [], "max_tokens": 0, "temperature": 9, "zzz": 1})"),
                "prompt");
  ExpectRefused(Completions(R"({"aaa": 1, "temperature": 9})"), "prompt",
                "missing_required_parameter");
}

TEST_F(BatchRequestTest, ServedModelName) {
  EXPECT_THAT(Accept(CompletionsWith(R"("model": "other")")).prompts[0].ids, ElementsAre(5, 6, 7));
  limits_.served_model_name = "mixtral";
  Accept(CompletionsWith(R"("model": "mixtral")"));
  Accept(Completions(R"({"prompt": [1]})"));
  ExpectRefused(CompletionsWith(R"("model": "other")"), "model", "model_not_found", "'mixtral'");
  ExpectRefused(ChatWith(R"("model": "")"), "model", "model_not_found");
  ExpectRefused(ChatWith(R"("model": 7)"), "model");
}

TEST_F(BatchRequestTest, OutputFields) {
  const BatchRequest request = Accept(
      CompletionsWith(R"("echo": true, "include_stop_str_in_output": true, "return_token_ids": true,
                         "prompt_logprobs": 3)"));
  EXPECT_TRUE(request.echo);
  EXPECT_TRUE(request.include_stop_text);
  EXPECT_TRUE(request.return_token_ids);
  EXPECT_EQ(request.shown_prompt_logprobs, 3);
  EXPECT_FALSE(Accept(ChatWith(R"("echo": false)")).echo);
  ExpectRefused(ChatWith(R"("echo": true)"), "echo", "unsupported_value", "completions only");
  for (const char* key : {"include_stop_str_in_output", "return_token_ids"}) {
    for (const char* value : {"2", "\"maybe\"", "[]"}) {
      ExpectRefused(CompletionsWith(absl::StrCat("\"", key, "\": ", value)), key);
      ExpectRefused(ChatWith(absl::StrCat("\"", key, "\": ", value)), key);
    }
  }
}

TEST_F(BatchRequestTest, AHomeIsARankThatTakesSequences) {
  ExpectRefused(CompletionsWith(R"("home": 1)"), "home", "unknown_parameter");
  limits_.home_slots = {2, 2, 0};
  EXPECT_EQ(Accept(CompletionsWith(R"("home": 1)")).home, 1);
  EXPECT_EQ(Accept(ChatWith(R"("home": 0)")).home, 0);
  EXPECT_EQ(Accept(CompletionsWith(R"("home": null)")).home, std::nullopt);
  for (const char* home : {"3", "-1", "1.5", "\"b\"", "[]"}) {
    ExpectRefused(CompletionsWith(absl::StrCat(R"("home": )", home)), "home", "invalid_value",
                  "must be a whole number from 0 to 2");
  }
  ExpectRefused(ChatWith(R"("home": 2)"), "home", "invalid_value", "leaves that rank no sequences");
}

TEST_F(BatchRequestTest, LenientIgnoresFieldsThatAreNotKnown) {
  limits_.lenient = true;
  const ParsedLine completion = Parse(
      CompletionsWith(R"("max_tokens": 3, "colour": {"a": 1}, "Temperature": 9, "size": null)"));
  EXPECT_EQ(std::get<BatchRequest>(completion.request).params.max_tokens(), 3);
  EXPECT_THAT(completion.ignored_fields, ElementsAre("colour", "Temperature"));
  EXPECT_THAT(Parse(ChatWith(R"("colour": 1)")).ignored_fields, ElementsAre("colour"));
}

TEST_F(BatchRequestTest, LenientStillRefusesValues) {
  limits_.lenient = true;
  ExpectRefused(CompletionsWith(R"("temperature": 3, "colour": {})"), "temperature");
  ExpectRefused(CompletionsWith(R"("best_of": "x")"), "best_of");
  ExpectRefused(Completions("{}"), "prompt", "missing_required_parameter");
  ExpectRefused(Chat(R"({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})"),
                "messages[0].content[0].type", "unsupported_value");
}

TEST_F(BatchRequestTest, RefusesWhatIsNotOneJsonObject) {
  ExpectNoJson("", "not valid");
  ExpectNoJson("{", "not valid");
  ExpectNoJson("{} {}", "not valid");
  ExpectNoJson("nonsense", "not valid");
  ExpectNoJson(R"({"custom_id": 'a'})", "not valid");
  ExpectNoJson("[]", "one JSON object");
  ExpectNoJson("null", "one JSON object");
  ExpectNoJson("\"{}\"", "one JSON object");
  ExpectNoJson("[" + Completions(R"({"prompt": [1]})") + "]", "one JSON object");
  ExpectNoJson(std::string("{}\0{}", 5), "NUL");
}

TEST_F(BatchRequestTest, RefusesHostileJson) {
  const std::string open(5000, '[');
  const std::string close(5000, ']');
  ExpectNoJson(Completions(R"({"prompt": )" + open + close + "}"), "nested deeper");
  ExpectNoJson(open, "nested deeper");
  ExpectNoJson(CompletionsWith(R"("seed": 1, "seed": 1)"), "'seed' twice");
  ExpectNoJson(CompletionsWith(R"("logit_bias": {"7": 1, "7": 2})"), "'7' twice");
  ExpectNoJson(R"({"custom_id": "a", "custom_id": "b"})", "'custom_id' twice");
  ExpectNoJson(CompletionsWith(R"("temperature": 1e400)"), "out of range");
  ExpectNoJson(CompletionsWith(R"("temperature": NaN)"), "not valid");
  ExpectNoJson(CompletionsWith(R"("temperature": Infinity)"), "not valid");
  ExpectNoJson(Completions("{\"prompt\": \"\xff\"}"), "UTF-8");
  ExpectNoJson(Completions("{\"prompt\": \"\xed\xa0\x80\"}"), "UTF-8");  // a surrogate
  ExpectNoJson(Completions(R"({"prompt": "\ud800"})"), "not valid");
  ExpectNoJson("{\"custom_id\": \"\xc3\"}", "UTF-8");
}

std::string Repeat(const std::string& item, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += item;
  return text;
}

// They have hundreds of thousands of parts. None takes long, and what is said of it is short.
TEST_F(BatchRequestTest, HugeLinesAreRefusedInAFewWords) {
  constexpr int kMany = kSanitized ? 70'000 : 200'000;
  const std::string many = absl::StrCat(kMany + 1);
  const std::string text(1'000'000, 'x');
  std::string keys;
  for (int i = 0; i < kMany; ++i) absl::StrAppend(&keys, "\"k", i, "\":{},");
  const struct {
    std::string line;
    std::string message;
  } cases[] = {
      {CompletionsWith(R"("zz": [)" + Repeat("{},", kMany) + "{}]"), "'zz' is not a field"},
      {CompletionsWith(R"("zz": [)" + Repeat("[[]],", kMany) + "{}]"), "'zz' is not a field"},
      {CompletionsWith(R"("zz": [)" + Repeat("1,", kMany) + "{}]"), "'zz' is not a field"},
      {CompletionsWith(keys + R"("end": 1)"), "'k0' is not a field"},
      {CompletionsWith("\"" + text + "\": 1"), "is not a field"},
      {CompletionsWith(R"("n": )" + text), "is not valid UTF-8 JSON"},
      {CompletionsWith(R"("n": 1)" + std::string(1'000'000, '0')), "a number is out of range"},
      {CompletionsWith(R"("logit_bias": {")" + text + R"(": 1})"), "has the key"},
      {Completions(R"({"prompt": [)" + Repeat("\"a\",", kMany) + R"("a"]})"),
       "'prompt' has " + many + " prompts; a line may have 65536"},
      {Completions(R"({"prompt": [)" + Repeat("[1],", kMany) + "[1]]}"), "'prompt' has " + many},
      {Completions(R"({"prompt": ")" + text + "\"}"), "'prompt' has 1000000 bytes"},
      {Chat(R"({"messages": [{"role": "user", "content": ")" + text + "\"}]}"),
       "'messages' has 1000018 bytes"},
      {Chat(R"({"messages": [)" + Repeat("1,", kMany) + "1]}"),
       "'messages' has " + many + " messages"},
      {Line("/v1/" + text, "{}"), "'url' must be"},
      {std::string(kMany, '['), "is nested deeper than 64"},
      {"{\"custom_id\": \"" + text, "is not valid UTF-8 JSON"},
  };
  for (const auto& c : cases) {
    const RequestError error = Refuse(c.line);
    EXPECT_THAT(error.message, HasSubstr(c.message));
    EXPECT_LT(error.message.size(), 500U) << c.message;
    EXPECT_LT(error.param.size(), 300U) << c.message;
  }
}

}  // namespace
}  // namespace octet::request_lines
