#include "launch/chat/dialogue.h"

#include <gmock/gmock.h>

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class DialogueTest : public BatchRequestFixture {
 protected:
  // An answer of these tokens.
  static FinishedSequence Finished(const std::vector<int32_t>& ids) {
    FinishedSequence finished;
    finished.mutable_token_ids()->Add(ids.begin(), ids.end());
    return finished;
  }

  static std::string Message(const absl::Status& status) { return std::string(status.message()); }

  Dialogue dialogue_{limits_, /*with_template=*/true};
};

TEST_F(DialogueTest, AsksAsABatchLineDoes) {
  ASSERT_TRUE(dialogue_.Set("temperature", "0.5").ok());
  ASSERT_TRUE(dialogue_.Set("stop", "STOP").ok());
  const auto request = dialogue_.Ask("Hi");
  ASSERT_TRUE(request.ok()) << request.status();
  const BatchRequest line = Accept(ChatWith(R"("temperature": 0.5, "stop": "STOP")"));
  EXPECT_EQ(request->prompts[0].ids, line.prompts[0].ids);
  EXPECT_EQ(request->params.SerializeAsString(), line.params.SerializeAsString());
}

TEST_F(DialogueTest, ARefusedFieldChangesNothing) {
  EXPECT_THAT(Message(dialogue_.Set("top_p", "2")), StartsWith("'top_p' must be"));
  EXPECT_THAT(Message(dialogue_.Set("messages", "[]")), HasSubstr("no field that can be set"));
  EXPECT_THAT(Message(dialogue_.Set("nothing", "")), HasSubstr("no field that can be set"));
  EXPECT_THAT(dialogue_.DescribeSettings(), StartsWith("nothing is set"));
  ASSERT_TRUE(dialogue_.Set("top_p", "0.5").ok());
  EXPECT_EQ(dialogue_.DescribeSettings(), "top_p 0.5\n");
  ASSERT_TRUE(dialogue_.Set("top_p", "").ok());
  EXPECT_THAT(dialogue_.DescribeSettings(), StartsWith("nothing is set"));
}

// The next request begins with the tokens that the answer had, though its text begins with the
// space that the template writes too.
TEST_F(DialogueTest, AnAnswerKeepsItsTokens) {
  const auto first = dialogue_.Ask("Who?");
  ASSERT_TRUE(first.ok());
  std::vector<int32_t> tokens = first->prompts[0].ids;
  const std::vector<int32_t> answer = limits_.tokenizer->Encode("The king of the house");
  tokens.insert(tokens.end(), answer.begin(), answer.end());
  dialogue_.Keep("Who?", *first, Finished(answer), " The king of the house");
  std::vector<int32_t> next = dialogue_.Ask("And?")->prompts[0].ids;
  ASSERT_GT(next.size(), tokens.size());
  next.resize(tokens.size());
  EXPECT_EQ(next, tokens);
  EXPECT_EQ(dialogue_.DescribeTurns(), "user: Who?\nassistant: The king of the house\n");
}

TEST_F(DialogueTest, SystemResetAndDrop) {
  ASSERT_TRUE(dialogue_.SetSystem("Be short.").ok());
  for (const char* question : {"one", "two"}) {
    dialogue_.Keep(question, *dialogue_.Ask(question), Finished({300}), "yes");
  }
  ASSERT_TRUE(dialogue_.DropOldest());
  EXPECT_EQ(dialogue_.DescribeTurns(), "system: Be short.\nuser: two\nassistant: yes\n");
  dialogue_.Reset();
  EXPECT_EQ(dialogue_.DescribeTurns(), "system: Be short.\n");
  EXPECT_FALSE(dialogue_.DropOldest());
  ASSERT_TRUE(dialogue_.SetSystem("").ok());
  EXPECT_EQ(dialogue_.DescribeTurns(), "");
}

TEST_F(DialogueTest, ALongConversationSaysWhatToDo) {
  std::string text;  // half of the context, and more
  for (int i = 0; i < 20; ++i) text += " king and";
  EXPECT_THAT(Message(dialogue_.Ask(text + text).status()), HasSubstr("--max-model-len"));
  dialogue_.Keep(text, *dialogue_.Ask("a"), Finished({300}), text);
  EXPECT_THAT(Message(dialogue_.Ask(text).status()),
              HasSubstr("; /reset begins anew, /drop forgets the oldest turn"));
}

TEST_F(DialogueTest, FilesComeBack) {
  ASSERT_TRUE(dialogue_.Set("top_k", "4").ok());
  dialogue_.Keep("a \"b\"", *dialogue_.Ask("a"), Finished({300}), "line\nline");
  Dialogue other(limits_, true);
  ASSERT_TRUE(other.FromJson(dialogue_.ToJson(), "f").ok());
  EXPECT_EQ(other.ToJson(), dialogue_.ToJson());
  ASSERT_TRUE(other.FromJson(R"([{"role": "user", "content": "x"}])", "f").ok());
  EXPECT_EQ(other.DescribeSettings(), "top_k 4\n");
  for (const char* bad : {"", "3", "{}", R"({"messages": [3]})", R"({"messages": [{}]})",
                          R"({"messages": [], "top_k": "x"})", R"({"messages": [], "n": 2})"}) {
    EXPECT_THAT(Message(other.FromJson(bad, "f")), StartsWith("f")) << bad;
  }
  EXPECT_EQ(other.DescribeTurns(), "user: x\n");
}

TEST_F(DialogueTest, WithoutATemplateTheTextGoesOn) {
  Dialogue plain(limits_, /*with_template=*/false);
  EXPECT_FALSE(plain.SetSystem("s").ok());
  const auto first = plain.Ask("In the");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->prompts[0].ids, limits_.tokenizer->EncodePrompt("In the", true));
  plain.Keep("In the", *first, Finished({300}), " house");
  EXPECT_EQ(plain.Ask(" of")->prompts[0].ids,
            limits_.tokenizer->EncodePrompt("In the house of", true));
}

}  // namespace
}  // namespace octet::request_lines
