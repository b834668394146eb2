// Whole result lines, and the texts in them.

#include "runtime/batch/batch_result.h"

#include "runtime/batch/batch_line.h"
#include "tests/support/batch_result_fixture.h"
#include "tests/support/json.h"

namespace octet::result_lines {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

using BatchResultTest = BatchResultFixture;

TEST_F(BatchResultTest, Completion) {
  EXPECT_EQ(
      Format(Finished({kCat, kThe})),
      R"({"id":"batch_req_7","custom_id":"a","response":{"status_code":200,)"
      R"("request_id":"batch_req_7","body":{"id":"cmpl-7","object":"text_completion","created":12,)"
      R"("model":"demo","choices":[{"index":0,"text":"cat the","logprobs":null,)"
      R"("finish_reason":"length","stop_reason":null}],"usage":{"prompt_tokens":2,)"
      R"("completion_tokens":2,"total_tokens":4}}},"error":null})");
}

TEST_F(BatchResultTest, ChatCompletion) {
  request_.endpoint = Endpoint::kChatCompletions;
  EXPECT_EQ(
      Format(Finished({kCat, kEos}, STOP)),
      R"({"id":"batch_req_7","custom_id":"a","response":{"status_code":200,)"
      R"("request_id":"batch_req_7","body":{"id":"chatcmpl-7","object":"chat.completion",)"
      R"("created":12,"model":"demo","choices":[{"index":0,"message":{"role":"assistant",)"
      R"("content":"cat"},"logprobs":null,"finish_reason":"stop","stop_reason":null}],)"
      R"("usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4}}},"error":null})");
}

TEST_F(BatchResultTest, IsOneLine) {
  request_.custom_id = "two\nlines";
  const std::string line = Format(Finished({kCat, ByteId('\n'), kCat}));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_EQ(ParseJson(line)["custom_id"], "two\nlines");
  EXPECT_EQ(ParseJson(line)["response"]["body"]["choices"][0]["text"], "cat\ncat");
}

TEST_F(BatchResultTest, ChoicesOfEachPromptInTurn) {
  request_.prompts = {{.ids = {kBos}}, {.ids = {kBos, kThe, kCat}}};
  request_.n = 2;
  request_.return_token_ids = true;
  const json body = Body({Finished({kThe}), Finished({kCat}), Finished({kThe}), Finished({})});
  const char* texts[] = {"the", "cat", " the", ""};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(body["choices"][i]["index"], i);
    EXPECT_EQ(body["choices"][i]["text"], texts[i]);
    EXPECT_EQ(body["choices"][i]["prompt_token_ids"], request_.prompts[i / 2].ids);
  }
  EXPECT_EQ(body["choices"].size(), 4U);
  const json usage = {{"prompt_tokens", 4}, {"completion_tokens", 3}, {"total_tokens", 7}};
  EXPECT_EQ(body["usage"], usage);
}

TEST_F(BatchResultTest, TokenIdsWhereAskedFor) {
  request_.return_token_ids = true;
  const FinishedSequence finished = Finished({kCat, kEos}, STOP);
  json body = Body({finished});
  EXPECT_EQ(body["choices"][0]["token_ids"], json({kCat, kEos}));
  EXPECT_EQ(body["choices"][0]["prompt_token_ids"], json({kBos, kThe}));
  EXPECT_FALSE(body.contains("prompt_token_ids"));

  request_.endpoint = Endpoint::kChatCompletions;
  body = Body({finished});
  EXPECT_EQ(body["choices"][0]["token_ids"], json({kCat, kEos}));
  EXPECT_FALSE(body["choices"][0].contains("prompt_token_ids"));
  EXPECT_EQ(body["prompt_token_ids"], json({kBos, kThe}));
}

TEST_F(BatchResultTest, StopTokens) {
  FinishedSequence stopped = Finished({kCat, kThe}, STOP);
  stopped.set_stop_token(kThe);
  const FinishedSequence ended = Finished({kCat, kEos}, STOP);
  const struct {
    const FinishedSequence& finished;
    bool keep_special_tokens;
    bool include;
    const char* text;
    json stop_reason;
  } cases[] = {
      {stopped, false, false, "cat", kThe},    {stopped, false, true, "cat the", kThe},
      {ended, false, false, "cat", nullptr},   {ended, false, true, "cat", nullptr},
      {ended, true, true, "cat</s>", nullptr}, {ended, true, false, "cat", nullptr},
  };
  request_.return_token_ids = true;
  for (const auto& c : cases) {
    request_.params.set_keep_special_tokens(c.keep_special_tokens);
    request_.include_stop_text = c.include;
    const json choice = Choice(c.finished);
    EXPECT_EQ(choice["text"], c.text);
    EXPECT_EQ(choice["finish_reason"], "stop");
    EXPECT_EQ(choice["stop_reason"], c.stop_reason);
    EXPECT_EQ(choice["token_ids"].size(), 2U);
  }
}

TEST_F(BatchResultTest, StopTexts) {
  request_.params.add_stop("no");
  request_.params.add_stop("t th");
  request_.return_token_ids = true;
  FinishedSequence finished = Finished({kUmlaut, kCat, kThe}, STOP);
  finished.mutable_stop_text()->set_index(1);
  finished.mutable_stop_text()->set_offset(4);
  json choice = Choice(finished);
  EXPECT_EQ(choice["text"], "\u00fcca");
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["stop_reason"], "t th");
  EXPECT_EQ(choice["token_ids"], json({kUmlaut, kCat, kThe}));
  request_.include_stop_text = true;
  EXPECT_EQ(Choice(finished)["text"], "\u00fccat th");
  request_.include_stop_text = false;
  request_.echo = true;
  EXPECT_EQ(Choice(finished)["text"], "the\u00fcca");
}

TEST_F(BatchResultTest, SpecialTokensAreTextWhereKept) {
  const FinishedSequence finished = Finished({kCat, kEos, kCat});
  EXPECT_EQ(Choice(finished)["text"], "catcat");
  request_.params.set_keep_special_tokens(true);
  EXPECT_EQ(Choice(finished)["text"], "cat</s>cat");
}

TEST_F(BatchResultTest, EchoPutsThePromptInFront) {
  request_.echo = true;
  const struct {
    Prompt prompt;
    bool keep_special_tokens;
    const char* text;
  } cases[] = {
      {{.ids = {kBos, kThe}}, false, "thecat"},
      {{.ids = {kBos, kThe}}, true, "<s> thecat"},
      {{.ids = {kThe, ByteId(0xC3)}}, false, "the\uFFFDcat"},  // an unfinished character
      {{.ids = {kBos, kThe}, .text = "the", .is_text = true}, false, "thecat"},
      {{.ids = {kBos, kThe}, .text = "the", .is_text = true}, true, "thecat"},
      {{.ids = {kBos, kThe}, .text = "\u2581the", .is_text = true},
       false,
       "\u2581thecat"},  // as given
  };
  for (const auto& c : cases) {
    request_.prompts = {c.prompt};
    request_.params.set_keep_special_tokens(c.keep_special_tokens);
    EXPECT_EQ(Choice(Finished({kCat}))["text"], c.text);
  }
}

TEST_F(BatchResultTest, NothingGeneratedShowsThePromptOnly) {
  request_.echo = true;
  request_.generate = false;
  request_.return_token_ids = true;
  request_.include_stop_text = true;
  request_.params.add_stop("cat");
  FinishedSequence finished = Finished({kCat}, STOP);
  finished.mutable_stop_text()->set_offset(0);
  const json body = Body({finished});
  const json choice = {{"index", 0},
                       {"text", "the"},
                       {"logprobs", nullptr},
                       {"finish_reason", "length"},
                       {"stop_reason", nullptr},
                       {"token_ids", json::array()},
                       {"prompt_token_ids", {kBos, kThe}}};
  EXPECT_EQ(body["choices"][0], choice);
  const json usage = {{"prompt_tokens", 2}, {"completion_tokens", 0}, {"total_tokens", 2}};
  EXPECT_EQ(body["usage"], usage);
}

TEST_F(BatchResultTest, UnfinishedCharactersAreReplaced) {
  EXPECT_EQ(Choice(Finished({kCat, ByteId(0xF0), ByteId(0x9F)}))["text"], "cat\uFFFD\uFFFD");
  EXPECT_EQ(Choice(Finished({ByteId(0xFF), kCat}))["text"], "\uFFFDcat");
  EXPECT_EQ(Choice(Finished({ByteId(0xC3)}))["text"], "\uFFFD");
  EXPECT_EQ(Choice(Finished({ByteId(0xC3), kEos}, STOP))["text"], "\uFFFD");
}

TEST_F(BatchResultTest, TheTextOfAnAnswerGoesOnWhereThePromptEnds) {
  EXPECT_EQ(Choice(Finished({kThe}))["text"], " the");
  request_.prompts[0].ids = {kBos};
  EXPECT_EQ(Choice(Finished({kThe}))["text"], "the");
  request_.prompts[0].ids = {kBos, ByteId(0xC3)};
  EXPECT_EQ(Choice(Finished({ByteId(0xBC)}))["text"], "\u00fc");
}

TEST_F(BatchResultTest, WithoutATokenizerThereIsNoText) {
  format_.tokenizer = nullptr;
  request_.echo = true;
  EXPECT_EQ(Choice(Finished({kCat, kEos}, STOP))["text"], "");
}

// Names and ids come from outside: whatever their bytes, the line is JSON.
TEST_F(BatchResultTest, InvalidUtf8StillGivesValidJson) {
  format_.model = "model\xff";
  EXPECT_EQ(Body({Finished({kCat})})["model"], "model\uFFFD");
  const ParsedLine parsed = {.custom_id = "\xc3", .has_custom_id = true};
  const json error =
      ParseJson(FormatError(1, parsed, {.message = "bad \xff", .param = "\xfe", .code = "x"}));
  EXPECT_EQ(error["custom_id"], "\uFFFD");
  EXPECT_EQ(error["error"]["message"], "bad \uFFFD");
}

TEST(FormatErrorTest, ShowsANumberThatStandsForACustomId) {
  const ParsedLine parsed = {.custom_id = "7"};
  EXPECT_EQ(ParseJson(FormatError(3, parsed, {.message = "m"}))["custom_id"], "7");
  EXPECT_EQ(ParseJson(FormatError(3, {}, {.message = "m"}))["custom_id"], nullptr);
}

TEST(FormatErrorTest, WholeShape) {
  const ParsedLine parsed = {.custom_id = "a", .has_custom_id = true};
  const RequestError error = {.message = "'n' is bad", .param = "n", .code = "invalid_value"};
  EXPECT_EQ(FormatError(3, parsed, error),
            R"({"id":"batch_req_3","custom_id":"a","response":{"status_code":400,)"
            R"("request_id":"batch_req_3","body":{"error":{"message":"'n' is bad",)"
            R"("type":"invalid_request_error","param":"n","code":"invalid_value"}}},)"
            R"("error":{"code":"invalid_value","message":"'n' is bad"}})");
}

TEST(FormatErrorTest, NullWhereNothingIsKnown) {
  const json error = ParseJson(FormatError(3, ParsedLine(), {.message = "m"}));
  EXPECT_TRUE(error["custom_id"].is_null());
  EXPECT_TRUE(error["response"]["body"]["error"]["param"].is_null());
  const json empty = ParseJson(FormatError(3, {.has_custom_id = true}, {.message = "m"}));
  EXPECT_EQ(empty["custom_id"], "");
}

// From a line that can't be read to the line that says so.
TEST(FormatErrorTest, OfParsedLines) {
  const RequestLimits limits = {.vocab_size = 10, .max_model_len = 10};
  for (const std::string line : {"{", "\xff", "[]", R"({"custom_id": [1]})"}) {
    const ParsedLine parsed = ParseBatchLine(line, limits);
    const json error = ParseJson(FormatError(1, parsed, std::get<RequestError>(parsed.request)));
    EXPECT_TRUE(error["custom_id"].is_null()) << line;
    EXPECT_EQ(error["response"]["status_code"], 400);
  }
}

}  // namespace
}  // namespace octet::result_lines
