// Prompts, messages, and the room that they leave.

#include "runtime/batch/prompt_fields.h"

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

using testing::ElementsAre;

class PromptFieldsTest : public BatchRequestFixture {
 protected:
  std::vector<int32_t> WithBos(const std::string& text) const {
    std::vector<int32_t> ids = tokenizer_.Encode(text);
    ids.insert(ids.begin(), tokenizer_.bos_id());
    return ids;
  }

  std::vector<std::vector<int32_t>> PromptIds(const std::string& prompt) const {
    std::vector<std::vector<int32_t>> ids;
    const auto line = Completions(absl::StrCat(R"({"prompt": )", prompt, "}"));
    for (const Prompt& each : Accept(line).prompts) ids.push_back(each.ids);
    return ids;
  }

  void ExpectPromptRefused(const std::string& prompt, const std::string& param) const {
    ExpectRefused(Completions(absl::StrCat(R"({"prompt": )", prompt, "}")), param);
  }
};

TEST_F(PromptFieldsTest, FormsOfPrompts) {
  EXPECT_THAT(PromptIds(R"("The king")"), ElementsAre(WithBos("The king")));
  EXPECT_THAT(PromptIds(R"("")"), ElementsAre(ElementsAre(tokenizer_.bos_id())));
  EXPECT_THAT(PromptIds(R"(["The king", "", "a"])"),
              ElementsAre(WithBos("The king"), WithBos(""), WithBos("a")));
  EXPECT_THAT(PromptIds("[0, 2047]"), ElementsAre(ElementsAre(0, 2047)));
  EXPECT_THAT(PromptIds("[9.0]"), ElementsAre(ElementsAre(9)));
  EXPECT_THAT(PromptIds("[[9], [7, 8]]"), ElementsAre(ElementsAre(9), ElementsAre(7, 8)));
}

TEST_F(PromptFieldsTest, SpellingsOfControlTokensAreTokens) {
  const auto ids = PromptIds(R"("The king</s>")");
  std::vector<int32_t> expected = WithBos("The king");
  expected.push_back(tokenizer_.eos_id());
  EXPECT_THAT(ids, ElementsAre(expected));
}

TEST_F(PromptFieldsTest, AddSpecialTokensMayBeFalse) {
  const auto ids_with = [&](const std::string& prompt, const std::string& value) {
    const auto line = Completions(
        absl::StrCat(R"({"prompt": )", prompt, R"(, "add_special_tokens": )", value, "}"));
    return Accept(line).prompts.back().ids;
  };
  EXPECT_EQ(ids_with(R"("The king")", "false"), tokenizer_.Encode("The king"));
  EXPECT_EQ(ids_with(R"(["a", "The king"])", "false"), tokenizer_.Encode("The king"));
  EXPECT_EQ(ids_with(R"("<s>The king")", "false"), WithBos("The king"));
  EXPECT_EQ(ids_with(R"("The king")", "true"), WithBos("The king"));
  EXPECT_EQ(ids_with(R"("The king")", "null"), WithBos("The king"));
  EXPECT_THAT(ids_with("[7]", "false"), ElementsAre(7));
  ExpectRefused(Completions(R"({"prompt": "a", "add_special_tokens": 2})"), "add_special_tokens");
  ExpectRefused(Completions(R"({"prompt": "", "add_special_tokens": false})"), "prompt");
}

TEST_F(PromptFieldsTest, ATokenWithoutARowIsRefusedByName) {
  limits_.vocab_size = 500;  // smaller than the demo's
  ExpectRefused(Completions(R"({"prompt": "In the beginning"})"), "prompt", "invalid_value",
                "is not below the model's vocab_size of 500");
}

TEST_F(PromptFieldsTest, AnyCharacterIsText) {
  for (const char* text : {"\u00e9\U0001F600", "\\u0000", "\\ud83d\\ude00", "\\n\\t\\u2581"}) {
    const auto ids = PromptIds(absl::StrCat("\"", text, "\""));
    ASSERT_GE(ids[0].size(), 2U) << text;
    EXPECT_EQ(ids[0][0], tokenizer_.bos_id());
  }
}

TEST_F(PromptFieldsTest, TextIsKeptForEcho) {
  EXPECT_EQ(Accept(Completions(R"({"prompt": "a b", "echo": true})")).prompts[0].text, "a b");
  EXPECT_EQ(Accept(Completions(R"({"prompt": ["a", "b"], "echo": true})")).prompts[1].text, "b");
  EXPECT_EQ(Accept(Completions(R"({"prompt": "a b"})")).prompts[0].text, "");
  EXPECT_EQ(Accept(CompletionsWith(R"("echo": true)")).prompts[0].text, "");
}

TEST_F(PromptFieldsTest, RefusesPrompts) {
  const struct {
    const char* prompt;
    const char* param;
  } cases[] = {
      {"[]", "prompt"},
      {"{}", "prompt"},
      {"1", "prompt"},
      {"true", "prompt"},
      {"[2048]", "prompt[0]"},
      {"[1, -1]", "prompt[1]"},
      {"[1, 2.5]", "prompt[1]"},
      {"[1e5]", "prompt[0]"},
      {"[4294967297]", "prompt[0]"},
      {"[18446744073709551615]", "prompt[0]"},
      {"[99999999999999999999]", "prompt[0]"},
      {"[null]", "prompt[0]"},
      {"[null]", "prompt[0]"},
      {"[{}]", "prompt[0]"},
      {"[1, \"a\"]", "prompt[1]"},
      {"[1, [2]]", "prompt[1]"},
      {"[\"a\", 1]", "prompt[1]"},
      {"[\"a\", \"b\", [1]]", "prompt[2]"},
      {"[\"a\", null]", "prompt[1]"},
      {"[[]]", "prompt[0]"},
      {"[[1], []]", "prompt[1]"},
      {"[[1], 2]", "prompt[1]"},
      {"[[1], \"a\"]", "prompt[1]"},
      {"[[1], [2, 2048]]", "prompt[1][1]"},
      {"[[[1]]]", "prompt[0][0]"},
  };
  for (const auto& c : cases) ExpectPromptRefused(c.prompt, c.param);
  ExpectRefused(Completions(R"({"prompt": null})"), "prompt", "missing_required_parameter");
}

TEST_F(PromptFieldsTest, BoundsTheAnswersOfALine) {
  const auto line = [](int prompts, int n) {
    std::string list = "[[1]";
    for (int i = 1; i < prompts; ++i) list += ",[1]";
    return Completions(absl::StrCat(R"({"n": )", n, R"(, "prompt": )", list, "]}"));
  };
  EXPECT_EQ(Accept(line(512, 128)).num_choices(), 65536);
  ExpectRefused(line(513, 128), "prompt", "invalid_value", "65664 answers");
}

TEST_F(PromptFieldsTest, WithoutATokenizerOnlyIds) {
  limits_.tokenizer = nullptr;
  EXPECT_THAT(PromptIds("[5, 6]"), ElementsAre(ElementsAre(5, 6)));
  EXPECT_THAT(PromptIds("[[5], [6]]"), ElementsAre(ElementsAre(5), ElementsAre(6)));
  ExpectRefused(Completions(R"({"prompt": "Hi"})"), "prompt", "invalid_value", "no tokenizer");
  ExpectRefused(Completions(R"({"prompt": ["Hi"]})"), "prompt[0]", "invalid_value", "no tokenizer");
  limits_.chat = nullptr;
  ExpectRefused(Chat(R"({"messages": [{"role": "user", "content": "Hi"}]})"), "messages",
                "invalid_value", "no tokenizer");
}

class LengthFieldsTest : public BatchRequestFixture {
 protected:
  // A completion after prompts of these lengths.
  static std::string After(const std::vector<int>& lengths, const std::string& fields = "") {
    std::string prompts;
    for (const int length : lengths)
      absl::StrAppend(&prompts, prompts.empty() ? "" : ",", Ids(length));
    if (lengths.size() > 1) prompts = absl::StrCat("[", prompts, "]");
    return Completions(
        absl::StrCat(R"({"prompt": )", prompts, fields.empty() ? "" : ", ", fields, "}"));
  }
};

TEST_F(LengthFieldsTest, MaxTokensHasTwoNames) {
  for (const char* fields :
       {R"("max_tokens": 9)", R"("max_completion_tokens": 9)",
        R"("max_tokens": 9, "max_completion_tokens": 9)",
        R"("max_tokens": null, "max_completion_tokens": 9)", R"("max_tokens": 9.0)"}) {
    EXPECT_EQ(Accept(CompletionsWith(fields)).params.max_tokens(), 9) << fields;
    EXPECT_EQ(Accept(ChatWith(fields)).params.max_tokens(), 9) << fields;
  }
  ExpectRefused(CompletionsWith(R"("max_tokens": 9, "max_completion_tokens": 8)"),
                "max_completion_tokens", "invalid_value", "'max_tokens'");
  EXPECT_EQ(Accept(CompletionsWith(R"("max_tokens": 61)")).params.max_tokens(), 61);
  EXPECT_EQ(Accept(CompletionsWith(R"("max_tokens": 1)")).params.max_tokens(), 1);
}

TEST_F(LengthFieldsTest, TheDefaultIsLessWhereThereIsLessRoom) {
  EXPECT_EQ(Accept(After({60})).params.max_tokens(), 4);
  EXPECT_EQ(Accept(After({63})).params.max_tokens(), 1);
  EXPECT_EQ(Accept(After({3, 60, 5})).params.max_tokens(), 4);
  EXPECT_EQ(Accept(After({3, 5})).params.max_tokens(), 16);
}

TEST_F(LengthFieldsTest, NothingIsGeneratedOnlyWithEcho) {
  const BatchRequest request = Accept(CompletionsWith(R"("max_tokens": 0, "echo": true)"));
  EXPECT_FALSE(request.generate);
  EXPECT_EQ(request.params.max_tokens(), 1);
  EXPECT_TRUE(Accept(CompletionsWith(R"("max_tokens": 1, "echo": true)")).generate);
  ExpectRefused(CompletionsWith(R"("max_tokens": 0)"), "max_tokens");
  ExpectRefused(CompletionsWith(R"("max_tokens": 0, "echo": false)"), "max_tokens");
  ExpectRefused(CompletionsWith(R"("max_tokens": 0, "echo": true, "min_tokens": 1)"), "min_tokens");
  ExpectRefused(ChatWith(R"("max_tokens": 0)"), "max_tokens");
}

TEST_F(LengthFieldsTest, MinTokens) {
  for (const int tokens : {0, 1, 9}) {
    const auto fields = absl::StrCat(R"("max_tokens": 9, "min_tokens": )", tokens);
    EXPECT_EQ(Accept(CompletionsWith(fields)).params.min_tokens(), tokens);
    EXPECT_EQ(Accept(ChatWith(fields)).params.min_tokens(), tokens);
  }
  ExpectRefused(CompletionsWith(R"("max_tokens": 9, "min_tokens": 10)"), "min_tokens",
                "invalid_value", "no more than 9");
  ExpectRefused(CompletionsWith(R"("min_tokens": 17)"), "min_tokens");
  for (const char* value : {"-1", "0.5", "\"x\"", "[]"}) {
    ExpectRefused(ChatWith(absl::StrCat(R"("min_tokens": )", value)), "min_tokens");
  }
}

TEST_F(LengthFieldsTest, RefusesMaxTokens) {
  for (const char* key : {"max_tokens", "max_completion_tokens"}) {
    for (const char* value : {"0", "-1", "1.5", "\"0\"", "false", "[9]", "{}", "2147483648",
                              "9223372036854775808", "99999999999999999999", "1e300"}) {
      ExpectRefused(CompletionsWith(absl::StrCat("\"", key, "\": ", value)), key);
      ExpectRefused(ChatWith(absl::StrCat("\"", key, "\": ", value)), key);
    }
  }
}

TEST_F(LengthFieldsTest, RefusesWhatNoMemoryHolds) {
  std::string many = "[1]";
  for (int i = 1; i < 400; ++i) many += ", [1]";
  const auto body = [&](const char* n) {
    return absl::StrCat(R"({"prompt": [)", many, R"(], "n": )", n,
                        R"(, "max_tokens": 63, "logprobs": 20})");
  };
  EXPECT_EQ(Accept(Completions(body("8"))).num_choices(), 3200);
  ExpectRefused(Completions(body("128")), "prompt[0]", "invalid_value", "in one result");
}

TEST_F(LengthFieldsTest, RefusesWhatIsTooLong) {
  const std::string code = "context_length_exceeded";
  ExpectRefused(After({64}), "prompt", code, "has 64 tokens");
  ExpectRefused(After({1000}), "prompt", code);
  ExpectRefused(After({64}, R"("max_tokens": 1)"), "prompt", code);
  ExpectRefused(After({64}, R"("max_tokens": 0, "echo": true)"), "prompt", code);
  ExpectRefused(After({3, 70, 5}), "prompt[1]", code, "has 70 tokens");
  ExpectRefused(After({60}, R"("max_tokens": 5)"), "max_tokens", code, "room for 4");
  ExpectRefused(After({3, 5, 60}, R"("max_tokens": 5)"), "max_tokens", code, "'prompt[2]' of 60");
  ExpectRefused(After({60}, R"("max_completion_tokens": 2147483647)"), "max_completion_tokens",
                code);
  const std::string text(2000, 'x');
  ExpectRefused(Completions(absl::StrCat(R"({"prompt": ")", text, "\"}")), "prompt", code);
  ExpectRefused(Chat(absl::StrCat(R"({"messages": [{"role": "user", "content": ")", text, "\"}]}")),
                "messages", code);
}

}  // namespace
}  // namespace octet::request_lines
