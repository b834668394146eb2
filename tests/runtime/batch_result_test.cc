#include "runtime/batch_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int32_t kEos = 2;
int32_t ByteId(int byte) { return 3 + byte; }
constexpr int32_t kFirstPiece = 3 + 256;
constexpr int32_t kThe = kFirstPiece;      // "▁the"
constexpr int32_t kCat = kFirstPiece + 1;  // "cat"
constexpr int32_t kUmlaut = kFirstPiece + 2;
constexpr int32_t kNoPiece = kFirstPiece + 3;  // of a padded vocabulary

Tokenizer MakeTokenizer() {
  auto model = testing::BareModel(/*byte_fallback=*/true);
  testing::AddPiece(model, "\u2581the");
  testing::AddPiece(model, "cat");
  testing::AddPiece(model, "\u00fc");
  return Tokenizer::FromModel(model, "test").value();
}

class BatchResultTest : public ::testing::Test {
 protected:
  json Result(const FinishedSequence& finished) const {
    return json::parse(FormatResult(format_, 7, request_, finished));
  }
  json Choice(const FinishedSequence& finished) const {
    return Result(finished)["response"]["body"]["choices"][0];
  }

  // An answer with logprobs -1, -2, ... and one alternative to each token.
  static FinishedSequence WithLogprobs(const std::vector<int32_t>& ids,
                                       const std::vector<int32_t>& best) {
    FinishedSequence finished = Ids(ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      finished.add_logprobs(-static_cast<float>(i + 1));
      TopLogprobs& top = *finished.add_top_logprobs();
      top.add_token_ids(best[i]);
      top.add_logprobs(ids[i] == best[i] ? finished.logprobs(static_cast<int>(i)) : -0.5F);
    }
    return finished;
  }

  static FinishedSequence Ids(const std::vector<int32_t>& ids) {
    FinishedSequence finished;
    finished.mutable_token_ids()->Add(ids.begin(), ids.end());
    finished.set_finish_reason(LENGTH);
    return finished;
  }

  Tokenizer tokenizer_ = MakeTokenizer();
  ResultFormat format_ = {.tokenizer = &tokenizer_, .model = "demo", .created = 12};
  BatchRequest request_ = [] {
    BatchRequest request = {.custom_id = "a", .prompt_ids = {1, kThe}};
    request.params.set_num_logprobs(-1);
    return request;
  }();
};

TEST_F(BatchResultTest, Completion) {
  const json expected = {
      {"id", "batch_req_7"},
      {"custom_id", "a"},
      {"response",
       {{"status_code", 200},
        {"request_id", "batch_req_7"},
        {"body",
         {{"id", "cmpl-7"},
          {"object", "text_completion"},
          {"created", 12},
          {"model", "demo"},
          {"choices",
           {{{"index", 0},
             {"text", "cat the"},
             {"logprobs", nullptr},
             {"finish_reason", "length"}}}},
          {"usage", {{"prompt_tokens", 2}, {"completion_tokens", 2}, {"total_tokens", 4}}}}}}},
      {"error", nullptr}};
  EXPECT_EQ(Result(Ids({kCat, kThe})), expected);
}

TEST_F(BatchResultTest, ChatCompletion) {
  request_.endpoint = Endpoint::kChatCompletions;
  FinishedSequence finished = Ids({kCat, kEos});
  finished.set_finish_reason(STOP);
  const json expected = {
      {"id", "batch_req_7"},
      {"custom_id", "a"},
      {"response",
       {{"status_code", 200},
        {"request_id", "batch_req_7"},
        {"body",
         {{"id", "chatcmpl-7"},
          {"object", "chat.completion"},
          {"created", 12},
          {"model", "demo"},
          {"choices",
           {{{"index", 0},
             {"message", {{"role", "assistant"}, {"content", "cat"}}},
             {"logprobs", nullptr},
             {"finish_reason", "stop"}}}},
          {"usage", {{"prompt_tokens", 2}, {"completion_tokens", 2}, {"total_tokens", 4}}}}}}},
      {"error", nullptr}};
  EXPECT_EQ(Result(finished), expected);
}

TEST_F(BatchResultTest, IsOneLine) {
  request_.custom_id = "two\nlines";
  const std::string line = FormatResult(format_, 1, request_, Ids({kCat, ByteId('\n'), kCat}));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_EQ(json::parse(line)["response"]["body"]["choices"][0]["text"], "cat\ncat");
}

TEST_F(BatchResultTest, TokenIdsWhereAskedFor) {
  request_.return_token_ids = true;
  FinishedSequence finished = Ids({kCat, kEos});
  finished.set_finish_reason(STOP);
  json body = Result(finished)["response"]["body"];
  EXPECT_EQ(body["choices"][0]["token_ids"], json({kCat, kEos}));
  EXPECT_EQ(body["choices"][0]["prompt_token_ids"], json({1, kThe}));
  EXPECT_FALSE(body.contains("prompt_token_ids"));

  request_.endpoint = Endpoint::kChatCompletions;
  body = Result(finished)["response"]["body"];
  EXPECT_EQ(body["choices"][0]["token_ids"], json({kCat, kEos}));
  EXPECT_FALSE(body["choices"][0].contains("prompt_token_ids"));
  EXPECT_EQ(body["prompt_token_ids"], json({1, kThe}));
}

TEST_F(BatchResultTest, TheEndTokenIsNoText) {
  FinishedSequence finished = WithLogprobs({kCat, kEos}, {kCat, kEos});
  finished.set_finish_reason(STOP);
  request_.params.set_num_logprobs(0);
  request_.return_token_ids = true;
  const json choice = Choice(finished);
  EXPECT_EQ(choice["text"], "cat");
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["token_ids"].back(), kEos);
  EXPECT_EQ(choice["logprobs"]["tokens"], json({"cat", "</s>"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 3}));
}

TEST_F(BatchResultTest, Logprobs) {
  request_.params.set_num_logprobs(1);
  const FinishedSequence finished = WithLogprobs({kCat, kThe, kCat}, {kCat, kCat, kThe});
  const json expected = {
      {"tokens", {"cat", " the", "cat"}},
      {"token_logprobs", {-1.0, -2.0, -3.0}},
      {"top_logprobs",
       {{{"cat", -1.0}}, {{"cat", -0.5}, {" the", -2.0}}, {{" the", -0.5}, {"cat", -3.0}}}},
      {"text_offset", {0, 3, 7}}};
  EXPECT_EQ(Choice(finished)["logprobs"], expected);
}

TEST_F(BatchResultTest, AlternativesStandBestFirst) {
  request_.params.set_num_logprobs(2);
  FinishedSequence finished = Ids({kCat});
  finished.add_logprobs(-3);
  TopLogprobs& top = *finished.add_top_logprobs();
  for (const int32_t id : {kUmlaut, kThe}) {
    top.add_token_ids(id);
    top.add_logprobs(id == kUmlaut ? -0.25F : -2);
  }
  EXPECT_THAT(FormatResult(format_, 1, request_, finished),
              HasSubstr("\"top_logprobs\":[{\"\u00fc\":-0.25,\" the\":-2.0,\"cat\":-3.0}]"));
}

TEST_F(BatchResultTest, TextOffsetsCountCharacters) {
  request_.params.set_num_logprobs(0);
  const json choice = Choice(WithLogprobs({kUmlaut, kThe, kUmlaut, kCat}, {1, 1, 1, 1}));
  EXPECT_EQ(choice["text"], "\u00fc the\u00fccat");
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 1, 5, 6}));
}

TEST_F(BatchResultTest, BytesBecomeTextWhenTheCharacterIsWhole) {
  request_.params.set_num_logprobs(0);
  const std::vector<int32_t> ids = {kCat,         ByteId(0xF0), ByteId(0x9F), ByteId(0x98),
                                    ByteId(0x80), kCat,         ByteId('!')};
  const json choice = Choice(WithLogprobs(ids, ids));
  EXPECT_EQ(choice["text"], "cat\U0001F600cat!");
  const json& logprobs = choice["logprobs"];
  EXPECT_EQ(logprobs["tokens"],
            json({"cat", "bytes:\\xf0", "bytes:\\x9f", "bytes:\\x98", "bytes:\\x80", "cat", "!"}));
  EXPECT_EQ(logprobs["text_offset"], json({0, 3, 3, 3, 3, 4, 7}));
}

TEST_F(BatchResultTest, UnfinishedCharactersAreReplaced) {
  EXPECT_EQ(Choice(Ids({kCat, ByteId(0xF0), ByteId(0x9F)}))["text"], "cat\uFFFD\uFFFD");
  EXPECT_EQ(Choice(Ids({ByteId(0xFF), kCat}))["text"], "\uFFFDcat");
  EXPECT_EQ(Choice(Ids({ByteId(0xC3)}))["text"], "\uFFFD");
}

TEST_F(BatchResultTest, IdsWithoutAPieceHaveANameButNoText) {
  request_.params.set_num_logprobs(0);
  const json choice = Choice(WithLogprobs({kNoPiece, kCat}, {kCat, kNoPiece}));
  EXPECT_EQ(choice["text"], "cat");
  EXPECT_EQ(choice["logprobs"]["tokens"], json({"token_id:" + std::to_string(kNoPiece), "cat"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 0}));
}

TEST_F(BatchResultTest, TheTextOfAnAnswerGoesOnWhereThePromptEnds) {
  EXPECT_EQ(Choice(Ids({kThe}))["text"], " the");
  request_.prompt_ids = {1};
  EXPECT_EQ(Choice(Ids({kThe}))["text"], "the");
  request_.prompt_ids = {1, ByteId(0xC3)};
  EXPECT_EQ(Choice(Ids({ByteId(0xBC)}))["text"], "\u00fc");
}

TEST_F(BatchResultTest, WithoutATokenizer) {
  format_.tokenizer = nullptr;
  request_.params.set_num_logprobs(1);
  const json choice = Choice(WithLogprobs({kCat, kEos}, {kThe, kEos}));
  EXPECT_EQ(choice["text"], "");
  const std::string cat = "token_id:" + std::to_string(kCat);
  const std::string the = "token_id:" + std::to_string(kThe);
  const json expected = {{"tokens", {cat, "token_id:2"}},
                         {"token_logprobs", {-1.0, -2.0}},
                         {"top_logprobs", {{{the, -0.5}, {cat, -1.0}}, {{"token_id:2", -2.0}}}},
                         {"text_offset", {0, 0}}};
  EXPECT_EQ(choice["logprobs"], expected);
}

// The fewest digits that give the same float back.
TEST_F(BatchResultTest, FloatsPrintShortest) {
  request_.params.set_num_logprobs(0);
  const struct {
    float value;
    const char* text;
  } cases[] = {{-0.1F, "[-0.1]"},
               {-1.0F / 3, "[-0.33333334]"},
               {-16777216, "[-16777216.0]"},
               {0, "[0.0]"},
               {-1e-7F, "[-1e-07]"},
               {-5.5e-39F, "[-5.5e-39]"},
               {-88.72284F, "[-88.72284]"}};
  for (const auto& c : cases) {
    FinishedSequence finished = Ids({kCat});
    finished.add_logprobs(c.value);
    finished.add_top_logprobs();
    const std::string line = FormatResult(format_, 1, request_, finished);
    EXPECT_THAT(line, HasSubstr(std::string("\"token_logprobs\":") + c.text));
  }
}

TEST_F(BatchResultTest, FloatsComeBack) {
  request_.params.set_num_logprobs(0);
  FinishedSequence finished;
  uint32_t bits = 0x80000001;  // negative floats, from the smallest to near the largest
  for (int i = 0; i < 2000; ++i, bits += 1069547) {
    finished.add_token_ids(kCat);
    finished.add_logprobs(std::bit_cast<float>(bits));
    finished.add_top_logprobs();
  }
  const json values = Choice(finished)["logprobs"]["token_logprobs"];
  ASSERT_EQ(values.size(), 2000U);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(values[i].get<float>(), finished.logprobs(static_cast<int>(i)));
  }
}

TEST_F(BatchResultTest, WhatIsNoNumberIsNull) {
  request_.params.set_num_logprobs(0);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float value : {-kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    FinishedSequence finished = Ids({kCat});
    finished.add_logprobs(value);
    finished.add_top_logprobs();
    EXPECT_TRUE(Choice(finished)["logprobs"]["token_logprobs"][0].is_null());
  }
}

// Names and ids come from outside: whatever their bytes, the line is JSON.
TEST_F(BatchResultTest, InvalidUtf8StillGivesValidJson) {
  format_.model = "model\xff";
  EXPECT_EQ(Result(Ids({kCat}))["response"]["body"]["model"], "model\uFFFD");
  ParsedLine parsed = {.custom_id = "\xc3", .has_custom_id = true};
  const json error =
      json::parse(FormatError(1, parsed, {.message = "bad \xff", .param = "\xfe", .code = "x"}));
  EXPECT_EQ(error["custom_id"], "\uFFFD");
  EXPECT_EQ(error["error"]["message"], "bad \uFFFD");
}

TEST(FormatErrorTest, WholeShape) {
  const ParsedLine parsed = {.custom_id = "a", .has_custom_id = true};
  const RequestError error = {.message = "'n' is bad", .param = "n", .code = "invalid_value"};
  const json expected = {{"id", "batch_req_3"},
                         {"custom_id", "a"},
                         {"response",
                          {{"status_code", 400},
                           {"request_id", "batch_req_3"},
                           {"body",
                            {{"error",
                              {{"message", "'n' is bad"},
                               {"type", "invalid_request_error"},
                               {"param", "n"},
                               {"code", "invalid_value"}}}}}}},
                         {"error", {{"code", "invalid_value"}, {"message", "'n' is bad"}}}};
  EXPECT_EQ(json::parse(FormatError(3, parsed, error)), expected);
}

TEST(FormatErrorTest, NullWhereNothingIsKnown) {
  const json error = json::parse(FormatError(3, ParsedLine(), {.message = "m"}));
  EXPECT_TRUE(error["custom_id"].is_null());
  EXPECT_TRUE(error["response"]["body"]["error"]["param"].is_null());
  const json empty = json::parse(FormatError(3, {.has_custom_id = true}, {.message = "m"}));
  EXPECT_EQ(empty["custom_id"], "");
}

// From a line that can't be read to the line that says so.
TEST(FormatErrorTest, OfParsedLines) {
  const RequestLimits limits = {.vocab_size = 10, .max_model_len = 10};
  for (const std::string line : {"{", "\xff", "[]", R"({"custom_id": 1})"}) {
    const ParsedLine parsed = ParseBatchLine(line, limits);
    const json error = json::parse(FormatError(1, parsed, std::get<RequestError>(parsed.request)));
    EXPECT_TRUE(error["custom_id"].is_null()) << line;
    EXPECT_EQ(error["response"]["status_code"], 400);
  }
}

}  // namespace
}  // namespace octet
