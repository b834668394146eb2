#include "runtime/batch_request.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "runtime/chat_template.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kVocabSize = 2048;
constexpr int64_t kMaxModelLen = 64;

std::string Line(const std::string& url, const std::string& body) {
  return absl::StrCat(R"({"custom_id": "a", "method": "POST", "url": ")", url, R"(", "body": )",
                      body, "}");
}
std::string Completions(const std::string& body) { return Line("/v1/completions", body); }
std::string Chat(const std::string& body) { return Line("/v1/chat/completions", body); }

// A body with a prompt, or a message, and these fields.
std::string CompletionsWith(const std::string& fields) {
  return Completions(absl::StrCat(R"({"prompt": [5, 6, 7], )", fields, "}"));
}
std::string ChatWith(const std::string& fields) {
  return Chat(absl::StrCat(R"({"messages": [{"role": "user", "content": "Hi"}], )", fields, "}"));
}

std::string Ids(int count) {
  std::string ids = "[1";
  for (int i = 1; i < count; ++i) absl::StrAppend(&ids, ", ", i);
  return ids + "]";
}

class BatchRequestTest : public testing::Test {
 protected:
  ParsedLine Parse(const std::string& line) const { return ParseBatchLine(line, limits_); }

  BatchRequest Accept(const std::string& line) const {
    const ParsedLine parsed = Parse(line);
    const auto* error = std::get_if<RequestError>(&parsed.request);
    EXPECT_EQ(error, nullptr) << line << ": " << error->message;
    return error == nullptr ? std::get<BatchRequest>(parsed.request) : BatchRequest();
  }

  RequestError Refuse(const std::string& line) const {
    const ParsedLine parsed = Parse(line);
    const auto* error = std::get_if<RequestError>(&parsed.request);
    EXPECT_NE(error, nullptr) << "accepted: " << line;
    return error == nullptr ? RequestError{.code = "none"} : *error;
  }

  // The error is about `param`, and says so.
  void ExpectRefused(const std::string& line, const std::string& param,
                     const std::string& code = "invalid_value",
                     const std::string& message = "") const {
    SCOPED_TRACE(line.substr(0, 200));
    const RequestError error = Refuse(line);
    EXPECT_EQ(error.param, param) << error.message;
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(absl::StrCat("'", param, "' ")));
    EXPECT_THAT(error.message, HasSubstr(message));
  }

  // No field to name: the line is no request at all.
  void ExpectNoJson(const std::string& line, const std::string& message) const {
    SCOPED_TRACE(line.substr(0, 200));
    const ParsedLine parsed = Parse(line);
    EXPECT_FALSE(parsed.has_custom_id);
    const RequestError error = Refuse(line);
    EXPECT_EQ(error.param, "");
    EXPECT_EQ(error.code, "invalid_json");
    EXPECT_THAT(error.message, HasSubstr(message));
  }

  PosixFileSystem files_;
  Tokenizer tokenizer_ = LoadTokenizerFor(files_, OCTET_SOURCE_DIR "/launch/demo/model").value();
  RequestLimits limits_ = {
      .tokenizer = &tokenizer_, .vocab_size = kVocabSize, .max_model_len = kMaxModelLen};
};

TEST_F(BatchRequestTest, CompletionsDefaults) {
  const ParsedLine parsed = Parse(Completions(R"({"prompt": [5, 6, 7]})"));
  EXPECT_TRUE(parsed.has_custom_id);
  EXPECT_EQ(parsed.custom_id, "a");
  const auto& request = std::get<BatchRequest>(parsed.request);
  EXPECT_EQ(request.custom_id, "a");
  EXPECT_EQ(request.endpoint, Endpoint::kCompletions);
  EXPECT_THAT(request.prompt_ids, ElementsAre(5, 6, 7));
  EXPECT_EQ(request.params.max_tokens(), 16);
  EXPECT_EQ(request.params.temperature(), 1);
  EXPECT_FALSE(request.params.has_seed());
  EXPECT_FALSE(request.params.ignore_eos());
  EXPECT_EQ(request.params.num_logprobs(), -1);
  EXPECT_FALSE(request.return_token_ids);
}

TEST_F(BatchRequestTest, ChatDefaultsToAllTheRoom) {
  const BatchRequest request = Accept(Chat(R"({"messages": [{"role": "user", "content": "Hi"}]})"));
  EXPECT_EQ(request.endpoint, Endpoint::kChatCompletions);
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  EXPECT_EQ(request.prompt_ids, EncodeMixtralInstruct(tokenizer_, messages).value());
  EXPECT_EQ(request.params.max_tokens() + std::ssize(request.prompt_ids), kMaxModelLen);
  EXPECT_EQ(request.params.temperature(), 1);
  EXPECT_EQ(request.params.num_logprobs(), -1);
}

TEST_F(BatchRequestTest, CompletionsTakeLessThanTheDefaultWhereThereIsLessRoom) {
  EXPECT_EQ(Accept(Completions(absl::StrCat(R"({"prompt": )", Ids(60), "}"))).params.max_tokens(),
            4);
  EXPECT_EQ(Accept(Completions(absl::StrCat(R"({"prompt": )", Ids(63), "}"))).params.max_tokens(),
            1);
}

TEST_F(BatchRequestTest, EveryCompletionsField) {
  const BatchRequest request = Accept(Completions(
      R"({"model": "any", "prompt": [0, 2047], "max_tokens": 7, "temperature": 0.5, "seed": -3,
          "ignore_eos": true, "logprobs": 4, "return_token_ids": true})"));
  EXPECT_THAT(request.prompt_ids, ElementsAre(0, 2047));
  EXPECT_EQ(request.params.max_tokens(), 7);
  EXPECT_EQ(request.params.temperature(), 0.5F);
  EXPECT_TRUE(request.params.has_seed());
  EXPECT_EQ(request.params.seed(), -3);
  EXPECT_TRUE(request.params.ignore_eos());
  EXPECT_EQ(request.params.num_logprobs(), 4);
  EXPECT_TRUE(request.return_token_ids);
}

TEST_F(BatchRequestTest, EveryChatField) {
  const BatchRequest request =
      Accept(ChatWith(R"("model": "any", "max_completion_tokens": 7, "temperature": 0, "seed": 0,
                         "ignore_eos": true, "return_token_ids": true)"));
  EXPECT_EQ(request.params.max_tokens(), 7);
  EXPECT_EQ(request.params.temperature(), 0);
  EXPECT_TRUE(request.params.has_seed());
  EXPECT_EQ(request.params.seed(), 0);
  EXPECT_TRUE(request.params.ignore_eos());
  EXPECT_TRUE(request.return_token_ids);
}

TEST_F(BatchRequestTest, NullIsAbsent) {
  const BatchRequest request = Accept(
      R"({"custom_id": "a", "method": null, "url": "/v1/completions", "extra": null, "body": {
          "prompt": [5], "model": null, "max_tokens": null, "max_completion_tokens": null,
          "temperature": null, "seed": null, "ignore_eos": null, "logprobs": null,
          "return_token_ids": null, "stop": null, "n": null}})");
  EXPECT_EQ(request.params.max_tokens(), 16);
  EXPECT_EQ(request.params.temperature(), 1);
  EXPECT_FALSE(request.params.has_seed());
  EXPECT_EQ(request.params.num_logprobs(), -1);
  EXPECT_FALSE(request.params.ignore_eos());
  EXPECT_FALSE(request.return_token_ids);
  Accept(ChatWith(R"("logprobs": null)"));
  Accept(Chat(R"({"messages": [{"role": "user", "content": "Hi", "name": null}]})"));
}

TEST_F(BatchRequestTest, OnlyTextGetsABos) {
  std::vector<int32_t> expected = tokenizer_.Encode("The king");
  EXPECT_EQ(expected.front() == tokenizer_.bos_id(), false);
  expected.insert(expected.begin(), tokenizer_.bos_id());
  EXPECT_EQ(Accept(Completions(R"({"prompt": "The king"})")).prompt_ids, expected);
  EXPECT_THAT(Accept(Completions(R"({"prompt": ""})")).prompt_ids,
              ElementsAre(tokenizer_.bos_id()));
  EXPECT_THAT(Accept(Completions(R"({"prompt": [9]})")).prompt_ids, ElementsAre(9));
}

TEST_F(BatchRequestTest, ControlTokensNeverComeFromText) {
  for (const int32_t id : Accept(Completions(R"({"prompt": "</s> <s> [INST]"})")).prompt_ids) {
    EXPECT_NE(id, tokenizer_.eos_id());
  }
}

TEST_F(BatchRequestTest, MaxTokensHasTwoNames) {
  for (const char* fields : {R"("max_tokens": 9)", R"("max_completion_tokens": 9)",
                             R"("max_tokens": 9, "max_completion_tokens": 9)",
                             R"("max_tokens": null, "max_completion_tokens": 9)"}) {
    EXPECT_EQ(Accept(CompletionsWith(fields)).params.max_tokens(), 9) << fields;
    EXPECT_EQ(Accept(ChatWith(fields)).params.max_tokens(), 9) << fields;
  }
  ExpectRefused(CompletionsWith(R"("max_tokens": 9, "max_completion_tokens": 8)"),
                "max_completion_tokens", "invalid_value", "'max_tokens'");
}

TEST_F(BatchRequestTest, WholeRangesAreAccepted) {
  constexpr auto kLeast = std::numeric_limits<int64_t>::min();
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  for (const int64_t seed : {kLeast, int64_t{-1}, int64_t{0}, kMost}) {
    EXPECT_EQ(Accept(CompletionsWith(absl::StrCat(R"("seed": )", seed))).params.seed(), seed);
  }
  for (const int count : {0, 1, 20}) {
    const auto line = CompletionsWith(absl::StrCat(R"("logprobs": )", count));
    EXPECT_EQ(Accept(line).params.num_logprobs(), count);
  }
  for (const auto& [text, value] : std::vector<std::pair<std::string, float>>{
           {"0", 0}, {"-0.0", 0}, {"1e-3", 0.001F}, {"2", 2}, {"2.0", 2}}) {
    EXPECT_EQ(Accept(CompletionsWith(R"("temperature": )" + text)).params.temperature(), value);
  }
  EXPECT_EQ(Accept(CompletionsWith(R"("max_tokens": 61)")).params.max_tokens(), 61);
  EXPECT_EQ(Accept(CompletionsWith(R"("max_tokens": 1)")).params.max_tokens(), 1);
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
  const ParsedLine parsed = Parse(Completions(R"({"prompt": [1], "stop": "x"})"));
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
      {R"({"custom_id": "a", "url": "/v1/completions", "body": {}, "priority": 1})", "priority",
       "unknown_parameter"},
      {R"({"custom_id": "a", "url": "/v1/completions", "body": {}, "": 1})", "",
       "unknown_parameter"},
      {R"({"custom_id": "a", "url": "/v1/completions", "body": {}})", "prompt",
       "missing_required_parameter"},
      {R"({"custom_id": "a", "url": "/v1/chat/completions", "body": {}})", "messages",
       "missing_required_parameter"},
  };
  for (const auto& c : cases) ExpectRefused(c.line, c.param, c.code);
}

TEST_F(BatchRequestTest, RefusesFieldsOfBothBodies) {
  const struct {
    const char* fields;
    const char* param;
  } cases[] = {
      {R"("model": 7)", "model"},
      {R"("max_tokens": 0)", "max_tokens"},
      {R"("max_tokens": -1)", "max_tokens"},
      {R"("max_tokens": 1.0)", "max_tokens"},
      {R"("max_tokens": "9")", "max_tokens"},
      {R"("max_tokens": true)", "max_tokens"},
      {R"("max_tokens": [9])", "max_tokens"},
      {R"("max_tokens": 2147483648)", "max_tokens"},
      {R"("max_tokens": 9223372036854775808)", "max_tokens"},
      {R"("max_tokens": 99999999999999999999)", "max_tokens"},
      {R"("max_completion_tokens": 0)", "max_completion_tokens"},
      {R"("max_completion_tokens": {})", "max_completion_tokens"},
      {R"("temperature": -0.5)", "temperature"},
      {R"("temperature": 2.0001)", "temperature"},
      {R"("temperature": -1)", "temperature"},
      {R"("temperature": 1e308)", "temperature"},
      {R"("temperature": "1")", "temperature"},
      {R"("temperature": true)", "temperature"},
      {R"("temperature": [])", "temperature"},
      {R"("seed": 1.5)", "seed"},
      {R"("seed": "1")", "seed"},
      {R"("seed": 9223372036854775808)", "seed"},
      {R"("seed": 18446744073709551615)", "seed"},
      {R"("seed": -9223372036854775809)", "seed"},
      {R"("seed": false)", "seed"},
      {R"("ignore_eos": 1)", "ignore_eos"},
      {R"("ignore_eos": "true")", "ignore_eos"},
      {R"("return_token_ids": 0)", "return_token_ids"},
      {R"("return_token_ids": {})", "return_token_ids"},
  };
  for (const auto& c : cases) {
    ExpectRefused(CompletionsWith(c.fields), c.param);
    ExpectRefused(ChatWith(c.fields), c.param);
  }
}

TEST_F(BatchRequestTest, RefusesUnknownFields) {
  for (const char* name : {"stop", "n", "best_of", "top_p", "top_k", "stream", "Temperature",
                           "max-tokens", "prompt_token_ids", "tools", "\u00e9"}) {
    ExpectRefused(CompletionsWith(absl::StrCat("\"", name, "\": 1")), name, "unknown_parameter");
    ExpectRefused(ChatWith(absl::StrCat("\"", name, "\": 1")), name, "unknown_parameter");
  }
  // A field of the other endpoint is unknown, too.
  ExpectRefused(ChatWith(R"("prompt": "x")"), "prompt", "unknown_parameter");
  ExpectRefused(CompletionsWith(R"("messages": [])"), "messages", "unknown_parameter");
}

TEST_F(BatchRequestTest, RefusesLogprobs) {
  for (const char* value : {"-1", "21", "1.0", "true", "\"1\"", "[]"}) {
    ExpectRefused(CompletionsWith(absl::StrCat(R"("logprobs": )", value)), "logprobs");
  }
}

TEST_F(BatchRequestTest, RefusesPrompts) {
  for (const char* prompt :
       {"[]", "{}", "1", "true", "[2048]", "[1, -1]", "[1, 2.0]", "[1e2]", "[4294967297]",
        "[18446744073709551615]", "[99999999999999999999]", "[null]", "[true]", "[[1, 2]]",
        "[\"a\"]", "[1, \"a\"]", "[\"a\", \"b\"]"}) {
    ExpectRefused(Completions(absl::StrCat(R"({"prompt": )", prompt, "}")), "prompt");
  }
  ExpectRefused(Completions(R"({"prompt": null})"), "prompt", "missing_required_parameter");
}

TEST_F(BatchRequestTest, RefusesMessages) {
  const struct {
    const char* messages;
    const char* param;
    const char* code;
  } cases[] = {
      {R"(null)", "messages", "missing_required_parameter"},
      {R"([])", "messages", "invalid_value"},
      {R"({})", "messages", "invalid_value"},
      {R"("Hi")", "messages", "invalid_value"},
      {R"(["Hi"])", "messages[0]", "invalid_value"},
      {R"([{"role": "user", "content": "Hi"}, 1])", "messages[1]", "invalid_value"},
      {R"([null])", "messages[0]", "invalid_value"},
      {R"([{}])", "messages[0].role", "missing_required_parameter"},
      {R"([{"content": "Hi"}])", "messages[0].role", "missing_required_parameter"},
      {R"([{"role": "user"}])", "messages[0].content", "missing_required_parameter"},
      {R"([{"role": "user", "content": null}])", "messages[0].content",
       "missing_required_parameter"},
      {R"([{"role": 1, "content": "Hi"}])", "messages[0].role", "invalid_value"},
      {R"([{"role": "user", "content": ["Hi"]}])", "messages[0].content", "invalid_value"},
      {R"([{"role": "user", "content": "Hi", "name": "Ann"}])", "messages[0].name",
       "unknown_parameter"},
      {R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": 1}])",
       "messages[1].content", "invalid_value"},
      {R"([{"role": "assistant", "content": "Hi"}])", "messages", "invalid_value"},
      {R"([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])", "messages",
       "invalid_value"},
      {R"([{"role": "system", "content": "a"}])", "messages", "invalid_value"},
      {R"([{"role": "tool", "content": "a"}])", "messages", "invalid_value"},
  };
  for (const auto& c : cases) {
    ExpectRefused(Chat(absl::StrCat(R"({"messages": )", c.messages, "}")), c.param, c.code);
  }
}

TEST_F(BatchRequestTest, RefusesWhatIsTooLong) {
  const auto prompt = [](int count) { return absl::StrCat(R"({"prompt": )", Ids(count)); };
  ExpectRefused(Completions(prompt(64) + "}"), "prompt", "context_length_exceeded",
                "has 64 tokens");
  ExpectRefused(Completions(prompt(1000) + "}"), "prompt", "context_length_exceeded");
  ExpectRefused(Completions(prompt(64) + R"(, "max_tokens": 1})"), "prompt",
                "context_length_exceeded");
  ExpectRefused(Completions(prompt(60) + R"(, "max_tokens": 5})"), "max_tokens",
                "context_length_exceeded", "room for 4");
  ExpectRefused(Completions(prompt(60) + R"(, "max_completion_tokens": 2147483647})"),
                "max_completion_tokens", "context_length_exceeded");
  const std::string text(2000, 'x');
  ExpectRefused(Completions(absl::StrCat(R"({"prompt": ")", text, "\"}")), "prompt",
                "context_length_exceeded");
  ExpectRefused(Chat(absl::StrCat(R"({"messages": [{"role": "user", "content": ")", text, "\"}]}")),
                "messages", "context_length_exceeded");
}

TEST_F(BatchRequestTest, TheFirstErrorStays) {
  ExpectRefused(Completions(R"({"prompt": [], "max_tokens": 0, "temperature": 9, "zzz": 1})"),
                "prompt");
  ExpectRefused(Completions(R"({"aaa": 1, "temperature": 9})"), "prompt",
                "missing_required_parameter");
}

TEST_F(BatchRequestTest, ServedModelName) {
  EXPECT_THAT(Accept(CompletionsWith(R"("model": "other")")).prompt_ids, ElementsAre(5, 6, 7));
  limits_.served_model_name = "mixtral";
  Accept(CompletionsWith(R"("model": "mixtral")"));
  Accept(Completions(R"({"prompt": [1]})"));
  ExpectRefused(CompletionsWith(R"("model": "other")"), "model", "model_not_found", "'mixtral'");
  ExpectRefused(ChatWith(R"("model": "")"), "model", "model_not_found");
}

TEST_F(BatchRequestTest, WithoutATokenizerOnlyIds) {
  limits_.tokenizer = nullptr;
  EXPECT_THAT(Accept(Completions(R"({"prompt": [5, 6]})")).prompt_ids, ElementsAre(5, 6));
  ExpectRefused(Completions(R"({"prompt": "Hi"})"), "prompt", "invalid_value", "no tokenizer");
  ExpectRefused(Completions(R"({"prompt": []})"), "prompt");
  ExpectRefused(Chat(R"({"messages": [{"role": "user", "content": "Hi"}]})"), "messages",
                "invalid_value", "no tokenizer");
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
  ExpectNoJson(R"({"custom_id": "a", "custom_id": "b"})", "'custom_id' twice");
  ExpectNoJson(CompletionsWith(R"("temperature": 1e999)"), "out of range");
  ExpectNoJson(CompletionsWith(R"("temperature": NaN)"), "not valid");
  ExpectNoJson(CompletionsWith(R"("temperature": Infinity)"), "not valid");
  ExpectNoJson(Completions("{\"prompt\": \"\xff\"}"), "UTF-8");
  ExpectNoJson(Completions("{\"prompt\": \"\xed\xa0\x80\"}"), "UTF-8");  // a surrogate
  ExpectNoJson(Completions(R"({"prompt": "\ud800"})"), "not valid");
  ExpectNoJson("{\"custom_id\": \"\xc3\"}", "UTF-8");
}

TEST_F(BatchRequestTest, AnyCharacterInAPromptIsText) {
  for (const char* text : {"\u00e9\U0001F600", "\\u0000", "\\ud83d\\ude00", "\\n\\t\\u2581"}) {
    const auto line = Completions(absl::StrCat(R"({"prompt": ")", text, "\"}"));
    const BatchRequest request = Accept(line);
    ASSERT_GE(request.prompt_ids.size(), 2U) << line;
    EXPECT_EQ(request.prompt_ids[0], tokenizer_.bos_id());
  }
}

}  // namespace
}  // namespace octet
