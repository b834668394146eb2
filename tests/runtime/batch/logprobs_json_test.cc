// Log-probabilities in result lines.

#include "runtime/batch/logprobs_json.h"

#include <algorithm>

#include "tests/support/batch_result_fixture.h"

namespace octet::result_lines {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class LogprobsTest : public BatchResultFixture {
 protected:
  // An answer with logprobs -1, -2, ... and one alternative to each token.
  static FinishedSequence WithLogprobs(const std::vector<int32_t>& ids,
                                       const std::vector<int32_t>& best) {
    FinishedSequence finished = Finished(ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      const float logprob = -static_cast<float>(i + 1);
      const bool is_best = ids[i] == best[i];
      Fill(logprob, is_best ? 1 : 2, {{best[i], is_best ? logprob : -0.5F}},
           finished.add_logprobs());
    }
    return finished;
  }
};

using CompletionLogprobsTest = LogprobsTest;
using ChatLogprobsTest = LogprobsTest;
using PromptLogprobsTest = LogprobsTest;

TEST_F(CompletionLogprobsTest, FourListsOverTheTokens) {
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

TEST_F(CompletionLogprobsTest, AlternativesStandBestFirst) {
  request_.params.set_num_logprobs(2);
  FinishedSequence finished = Finished({kCat});
  Fill(-3, 5, {{kUmlaut, -0.25F}, {kThe, -2}, {kNoPiece, -2.5F}}, finished.add_logprobs());
  EXPECT_THAT(Format(finished),
              HasSubstr("\"top_logprobs\":[{\"\u00fc\":-0.25,\" the\":-2.0,\"cat\":-3.0}]"));
  request_.params.set_num_logprobs(0);
  EXPECT_THAT(Format(finished), HasSubstr("\"top_logprobs\":[{\"cat\":-3.0}]"));
}

// Whoever asks whether the token was the best one compares with the greatest value.
TEST_F(CompletionLogprobsTest, OfTokensThatReadAlikeTheBetterIsShown) {
  request_.params.set_num_logprobs(2);
  FinishedSequence finished = Finished({kSpace, ByteId(' '), kCat});
  Fill(-2, 2, {{ByteId(' '), -0.5F}, {kSpace, -2}}, finished.add_logprobs());
  Fill(-0.25F, 1, {{ByteId(' '), -0.25F}, {kSpace, -3}}, finished.add_logprobs());
  Fill(-7, 9, {{kSpace, -1}, {ByteId(' '), -2}}, finished.add_logprobs());
  const json logprobs = Choice(finished)["logprobs"];
  const json expected = {{{" ", -0.5}}, {{" ", -0.25}}, {{" ", -1.0}, {"cat", -7.0}}};
  EXPECT_EQ(logprobs["top_logprobs"], expected);
  EXPECT_EQ(logprobs["token_logprobs"], json({-2.0, -0.25, -7.0}));
}

TEST_F(CompletionLogprobsTest, TextOffsetsCountCharacters) {
  request_.params.set_num_logprobs(0);
  const json choice = Choice(WithLogprobs({kUmlaut, kThe, kUmlaut, kCat}, {1, 1, 1, 1}));
  EXPECT_EQ(choice["text"], "\u00fc the\u00fccat");
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 1, 5, 6}));
}

TEST_F(CompletionLogprobsTest, BytesBecomeTextWhenTheCharacterIsWhole) {
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

TEST_F(CompletionLogprobsTest, IdsWithoutAPieceHaveANameButNoText) {
  request_.params.set_num_logprobs(0);
  const json choice = Choice(WithLogprobs({kNoPiece, kCat}, {kCat, kNoPiece}));
  EXPECT_EQ(choice["text"], "cat");
  EXPECT_EQ(choice["logprobs"]["tokens"], json({"token_id:" + std::to_string(kNoPiece), "cat"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 0}));
}

TEST_F(CompletionLogprobsTest, WhatEndedTheAnswerIsAmongTheTokens) {
  request_.params.set_num_logprobs(0);
  request_.params.add_stop("t");
  FinishedSequence finished = WithLogprobs({kCat, kEos}, {kCat, kEos});
  finished.set_finish_reason(STOP);
  json choice = Choice(finished);
  EXPECT_EQ(choice["text"], "cat");
  EXPECT_EQ(choice["logprobs"]["tokens"], json({"cat", "</s>"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 3}));

  finished = WithLogprobs({kThe, kCat}, {kThe, kCat});
  finished.set_finish_reason(STOP);
  finished.mutable_stop_text()->set_offset(1);
  choice = Choice(finished);
  EXPECT_EQ(choice["text"], " ");
  EXPECT_EQ(choice["logprobs"]["tokens"], json({" the", "cat"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 4}));
}

TEST_F(CompletionLogprobsTest, EchoBeginsWithThePrompt) {
  request_.echo = true;
  request_.params.set_num_logprobs(1);
  request_.params.set_num_prompt_logprobs(2);
  request_.prompts[0].ids = {kBos, kThe, kUmlaut};
  FinishedSequence finished = WithLogprobs({kCat}, {kCat});
  Fill(-4, 8, {{kCat, -0.5F}, {kUmlaut, -2}}, finished.add_prompt_logprobs());
  Fill(-0.125F, 1, {{kUmlaut, -0.125F}, {kCat, -5}}, finished.add_prompt_logprobs());
  json expected = {
      {"tokens", {"<s>", " the", "\u00fc", "cat"}},
      {"token_logprobs", {nullptr, -4.0, -0.125, -1.0}},
      {"top_logprobs",
       {nullptr, {{"cat", -0.5}, {" the", -4.0}}, {{"\u00fc", -0.125}}, {{"cat", -1.0}}}},
      {"text_offset", {0, 0, 3, 4}}};
  EXPECT_EQ(Choice(finished)["logprobs"], expected);

  request_.params.set_keep_special_tokens(true);  // "<s> theücat"
  expected["text_offset"] = {0, 3, 7, 8};
  EXPECT_EQ(Choice(finished)["logprobs"], expected);
  request_.prompts[0].text = "the\u00fc";  // shown as given, without <s>
  request_.prompts[0].is_text = true;
  expected["text_offset"] = {0, 0, 3, 4};
  EXPECT_EQ(Choice(finished)["logprobs"], expected);

  request_.generate = false;
  for (auto& list : expected) list.erase(3);
  EXPECT_EQ(Choice(finished)["logprobs"], expected);
}

// However the prompt's text and tokens differ.
TEST_F(CompletionLogprobsTest, TextOffsetsOfEchoNeverFall) {
  request_.echo = true;
  request_.params.set_num_logprobs(0);
  request_.prompts = {{.ids = {kBos, kThe, kThe, kCat}, .text = "the t", .is_text = true}};
  FinishedSequence finished = WithLogprobs({kCat, kCat}, {kCat, kCat});
  for (int i = 0; i < 3; ++i) Fill(-1, 1, {}, finished.add_prompt_logprobs());
  EXPECT_EQ(Choice(finished)["logprobs"]["text_offset"], json({0, 0, 3, 5, 5, 8}));
}

TEST_F(CompletionLogprobsTest, TextOffsetsOfEchoLeaveOutASpaceThatTheTokenizerAdded) {
  request_.echo = true;
  request_.params.set_num_logprobs(0);
  request_.prompts = {{.ids = {kSpace, kThe, kCat}, .text = "thecat", .is_text = true}};
  FinishedSequence finished = WithLogprobs({kCat}, {kCat});
  for (int i = 0; i < 2; ++i) Fill(-1, 1, {}, finished.add_prompt_logprobs());
  EXPECT_EQ(Choice(finished)["logprobs"]["text_offset"], json({0, 0, 3, 6}));
}

TEST_F(CompletionLogprobsTest, WithoutATokenizer) {
  format_.tokenizer = nullptr;
  request_.params.set_num_logprobs(1);
  const std::string cat = "token_id:" + std::to_string(kCat);
  const std::string the = "token_id:" + std::to_string(kThe);
  const json expected = {{"tokens", {cat, "token_id:2"}},
                         {"token_logprobs", {-1.0, -2.0}},
                         {"top_logprobs", {{{the, -0.5}, {cat, -1.0}}, {{"token_id:2", -2.0}}}},
                         {"text_offset", {0, 0}}};
  EXPECT_EQ(Choice(WithLogprobs({kCat, kEos}, {kThe, kEos}))["logprobs"], expected);
}

// As lm-evaluation-harness scores the tokens after the context.
TEST_F(CompletionLogprobsTest, LmEvalReadsTheScore) {
  request_.echo = true;
  request_.params.set_num_logprobs(1);
  request_.prompts = {{.ids = {kBos, kThe, kCat, kUmlaut}}};
  FinishedSequence finished = WithLogprobs({kCat}, {kThe});
  Fill(-9, 99, {{kCat, -1}}, finished.add_prompt_logprobs());
  Fill(-0.5F, 1, {{kCat, -0.5F}}, finished.add_prompt_logprobs());
  Fill(-0.75F, 1, {{kUmlaut, -0.75F}}, finished.add_prompt_logprobs());
  const json logprobs = Choice(finished)["logprobs"];
  const size_t num_tokens = logprobs["token_logprobs"].size();
  ASSERT_EQ(num_tokens, 5U);
  double sum = 0;
  for (size_t i = 2; i + 1 < num_tokens; ++i) {
    const double logprob = logprobs["token_logprobs"][i];
    double greatest = -1e9;
    for (const auto& value : logprobs["top_logprobs"][i]) {
      greatest = std::max(greatest, value.get<double>());
    }
    EXPECT_EQ(logprob, greatest);
    sum += logprob;
  }
  EXPECT_EQ(sum, -1.25);
}

TEST_F(ChatLogprobsTest, AListOverTheTokens) {
  request_.endpoint = Endpoint::kChatCompletions;
  request_.params.set_num_logprobs(1);
  const FinishedSequence finished = WithLogprobs({kUmlaut, kEos}, {kUmlaut, kThe});
  const json umlaut = {{"token", "\u00fc"}, {"logprob", -1.0}, {"bytes", {0xC3, 0xBC}}};
  json first = umlaut;
  first["top_logprobs"] = json::array({umlaut});
  const json the = {{"token", " the"}, {"logprob", -0.5}, {"bytes", {' ', 't', 'h', 'e'}}};
  const json second = {{"token", "</s>"},
                       {"logprob", -2.0},
                       {"bytes", nullptr},
                       {"top_logprobs", json::array({the})}};
  EXPECT_EQ(Choice(finished)["logprobs"], json({{"content", {first, second}}}));

  request_.params.set_num_logprobs(0);
  const json content = Choice(finished)["logprobs"]["content"];
  EXPECT_EQ(content[0]["top_logprobs"], json::array());
  EXPECT_EQ(content[1]["top_logprobs"], json::array());
}

TEST_F(ChatLogprobsTest, BytesOfATokenAlone) {
  request_.endpoint = Endpoint::kChatCompletions;
  request_.params.set_num_logprobs(0);
  const std::vector<int32_t> ids = {ByteId(0xE2), ByteId('\n'), 0, kNoPiece};
  json content = Choice(WithLogprobs(ids, ids))["logprobs"]["content"];
  EXPECT_EQ(content[0]["bytes"], json({0xE2}));
  EXPECT_EQ(content[0]["token"], "bytes:\\xe2");
  EXPECT_EQ(content[1]["bytes"], json({'\n'}));
  EXPECT_EQ(content[2]["bytes"], nullptr);
  EXPECT_EQ(content[3]["bytes"], nullptr);
  format_.tokenizer = nullptr;
  content = Choice(WithLogprobs(ids, ids))["logprobs"]["content"];
  EXPECT_EQ(content[0]["bytes"], nullptr);
  EXPECT_EQ(content[0]["token"], "token_id:" + std::to_string(ids[0]));
}

TEST_F(PromptLogprobsTest, AnObjectForEachToken) {
  request_.params.set_num_prompt_logprobs(2);
  request_.prompts[0].ids = {kBos, kThe, kCat};
  FinishedSequence finished = Finished({kCat});
  Fill(-4, 8, {{kCat, -0.5F}, {kUmlaut, -2}}, finished.add_prompt_logprobs());
  Fill(-3, 2, {{kUmlaut, -0.125F}, {kCat, -3}}, finished.add_prompt_logprobs());
  EXPECT_FALSE(Choice(finished).contains("prompt_logprobs"));

  const auto entry = [](double logprob, int rank, const char* text) {
    return json{{"logprob", logprob}, {"rank", rank}, {"decoded_token", text}};
  };
  const std::string the = std::to_string(kThe);
  const std::string cat = std::to_string(kCat);
  const std::string umlaut = std::to_string(kUmlaut);
  request_.shown_prompt_logprobs = 2;
  json expected = {
      nullptr,
      {{the, entry(-4, 8, " the")}, {cat, entry(-0.5, 1, "cat")}, {umlaut, entry(-2, 2, "\u00fc")}},
      {{cat, entry(-3, 2, "cat")}, {umlaut, entry(-0.125, 1, "\u00fc")}}};
  EXPECT_EQ(Choice(finished)["prompt_logprobs"], expected);

  // The prompt's own token stands first, and once.
  EXPECT_THAT(
      Format(finished),
      HasSubstr("{\"" + cat + R"(":{"logprob":-3.0,"rank":2,"decoded_token":"cat"},")" + umlaut +
                "\":{\"logprob\":-0.125,\"rank\":1,\"decoded_token\":\"\u00fc\"}}]"));

  request_.shown_prompt_logprobs = 1;
  expected[1].erase(umlaut);
  EXPECT_EQ(Choice(finished)["prompt_logprobs"], expected);
  request_.endpoint = Endpoint::kChatCompletions;
  const json body = Body({finished});
  EXPECT_EQ(body["prompt_logprobs"], expected);
  EXPECT_FALSE(body["choices"][0].contains("prompt_logprobs"));

  request_.shown_prompt_logprobs = 0;
  expected[1].erase(cat);
  expected[2].erase(umlaut);
  EXPECT_EQ(Body({finished})["prompt_logprobs"], expected);
}

TEST_F(PromptLogprobsTest, TheFirstTokenHasNone) {
  request_.shown_prompt_logprobs = 5;
  request_.prompts[0].ids = {kBos};
  EXPECT_EQ(Choice(Finished({kCat}))["prompt_logprobs"], json::array({nullptr}));
}

}  // namespace
}  // namespace octet::result_lines
