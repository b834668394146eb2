// Prompts that are cut.

#include "runtime/batch/truncation_fields.h"

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class TruncationFieldsTest : public BatchRequestFixture {
 protected:
  std::vector<int32_t> Kept(const std::string& prompt, const std::string& fields) const {
    return Accept(Completions(absl::StrCat(R"({"prompt": )", prompt, ", ", fields, "}")))
        .prompts[0]
        .ids;
  }
};

TEST_F(TruncationFieldsTest, TheLastTokensAreKept) {
  const char kIds[] = "[5, 6, 7, 8]";
  EXPECT_THAT(Kept(kIds, R"("truncate_prompt_tokens": 2)"), ElementsAre(7, 8));
  EXPECT_THAT(Kept(kIds, R"("truncate_prompt_tokens": "3")"), ElementsAre(6, 7, 8));
  EXPECT_THAT(Kept(kIds, R"("truncate_prompt_tokens": 4)"), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(Kept(kIds, R"("truncate_prompt_tokens": null)"), SizeIs(4));
  EXPECT_THAT(Kept(kIds, R"("truncate_prompt_tokens": 2, "truncation_side": "left")"),
              ElementsAre(7, 8));
  EXPECT_THAT(Kept(kIds, R"("truncate_prompt_tokens": 2, "truncation_side": "right")"),
              ElementsAre(5, 6));
  EXPECT_THAT(Kept(kIds, R"("truncation_side": "right")"), SizeIs(4));
}

TEST_F(TruncationFieldsTest, OfATextToo) {
  const std::vector<int32_t> whole = Kept(R"("In the beginning was")", R"("n": 1)");
  ASSERT_EQ(whole[0], tokenizer_.bos_id());
  EXPECT_EQ(Kept(R"("In the beginning was")", R"("truncate_prompt_tokens": 2)"),
            std::vector<int32_t>(whole.end() - 2, whole.end()));
  EXPECT_EQ(Kept(R"("In the beginning was")", R"("truncate_prompt_tokens": 63, "max_tokens": 1)"),
            whole);
  const std::vector<int32_t> chat = Accept(ChatWith(R"("n": 1)")).prompts[0].ids;
  EXPECT_EQ(Accept(ChatWith(R"("truncate_prompt_tokens": 3)")).prompts[0].ids,
            std::vector<int32_t>(chat.end() - 3, chat.end()));
}

TEST_F(TruncationFieldsTest, ATextThatWillBeCutHasALimitOfItsOwn) {
  const auto request = [](size_t bytes) {
    return Completions(absl::StrCat(R"({"truncate_prompt_tokens": 2, "prompt": ")",
                                    std::string(bytes, ' '), R"("})"));
  };
  EXPECT_THAT(Accept(request(size_t{4} << 20)).prompts[0].ids, SizeIs(2));
  ExpectRefused(request((size_t{4} << 20) + 1), "prompt");
}

TEST_F(TruncationFieldsTest, EachOfSeveralPrompts) {
  const BatchRequest request =
      Accept(Completions(R"({"prompt": [[5, 6, 7], [8], [9, 10]], "truncate_prompt_tokens": 2})"));
  EXPECT_THAT(request.prompts[0].ids, ElementsAre(6, 7));
  EXPECT_THAT(request.prompts[1].ids, ElementsAre(8));
  EXPECT_THAT(request.prompts[2].ids, ElementsAre(9, 10));
}

TEST_F(TruncationFieldsTest, MinusOneKeepsWhatLeavesRoomForTheAnswer) {
  const std::string ids = Ids(1000);
  EXPECT_THAT(Kept(ids, R"("truncate_prompt_tokens": -1)"), SizeIs(kMaxModelLen - 16));
  EXPECT_THAT(Kept(ids, R"("truncate_prompt_tokens": -1, "max_tokens": 10)"),
              SizeIs(kMaxModelLen - 10));
  EXPECT_EQ(Kept(ids, R"("truncate_prompt_tokens": -1)").back(), 999);
  EXPECT_THAT(Kept(ids, R"("truncate_prompt_tokens": -1, "max_tokens": 0, "echo": true)"),
              SizeIs(kMaxModelLen - 1));
  EXPECT_THAT(Kept("[5]", R"("truncate_prompt_tokens": -1)"), ElementsAre(5));
  std::string text;
  for (int i = 0; i < 500; ++i) text += "In the beginning ";
  const BatchRequest chat = Accept(Chat(
      absl::StrCat(R"({"truncate_prompt_tokens": -1, "messages": [{"role": "user", "content": ")",
                   text, R"("}]})")));
  EXPECT_THAT(chat.prompts[0].ids, SizeIs(kMaxModelLen - 1));
  EXPECT_EQ(chat.params.max_tokens(), 1);
  limits_.max_model_len = 8;
  EXPECT_THAT(Kept(ids, R"("truncate_prompt_tokens": -1)"), SizeIs(7));
}

// A part of it is not what was given.
TEST_F(TruncationFieldsTest, ATextThatIsCutIsEchoedByItsTokens) {
  const BatchRequest cut = Accept(Completions(
      R"({"prompt": "In the beginning was", "echo": true, "truncate_prompt_tokens": 2})"));
  EXPECT_FALSE(cut.prompts[0].is_text);
  EXPECT_EQ(cut.prompts[0].text, "");
  const BatchRequest whole =
      Accept(Completions(R"({"prompt": "In the", "echo": true, "truncate_prompt_tokens": 40})"));
  EXPECT_TRUE(whole.prompts[0].is_text);
  EXPECT_EQ(whole.prompts[0].text, "In the");
}

TEST_F(TruncationFieldsTest, RefusesWhatCannotBe) {
  for (const char* value : {"0", "-2", "1.5", "\"x\"", "[]", "2147483648"}) {
    ExpectRefused(CompletionsWith(absl::StrCat(R"("truncate_prompt_tokens": )", value)),
                  "truncate_prompt_tokens");
    ExpectRefused(ChatWith(absl::StrCat(R"("truncate_prompt_tokens": )", value)),
                  "truncate_prompt_tokens");
  }
  ExpectRefused(CompletionsWith(R"("truncate_prompt_tokens": 60, "max_tokens": 10)"),
                "truncate_prompt_tokens", "invalid_value", "room for 54");
  ExpectRefused(CompletionsWith(R"("truncation_side": "middle")"), "truncation_side");
  ExpectRefused(CompletionsWith(R"("truncation_side": 1)"), "truncation_side");
}

}  // namespace
}  // namespace octet::request_lines
