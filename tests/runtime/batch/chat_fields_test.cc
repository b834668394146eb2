// Conversations in requests.

#include "runtime/batch/chat_fields.h"

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ChatFieldsTest : public BatchRequestFixture {
 protected:
  std::vector<int32_t> IdsOf(const std::string& fields) const {
    return Accept(Chat(absl::StrCat("{", fields, "}"))).prompts[0].ids;
  }

  // With a template that shows all that it is given.
  std::string Shown(const std::string& fields) {
    chat_ = ChatTemplates::FromSource(
                "{% for m in messages %}{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}|"
                "{% endfor %}{{ tools | tojson }}{{ mood }}{{ documents | tojson }}",
                "t", tokenizer_)
                .value();
    limits_.max_model_len = 4096;
    return tokenizer_.Decode(IdsOf(fields));
  }
};

TEST_F(ChatFieldsTest, PartsOfAMessageAreLines) {
  const std::vector<int32_t> ids = IdsOfChat("one\ntwo");
  EXPECT_EQ(IdsOf(R"("messages": [{"role": "user", "content": "one\ntwo"}])"), ids);
  EXPECT_EQ(IdsOf(R"("messages": [{"role": "user", "content": [
                  {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}},
                  {"type": "input_text", "text": null}, "two"]}])"),
            ids);
}

TEST_F(ChatFieldsTest, DeveloperIsSystem) {
  const char* const kOf = R"("messages": [{"role": "%s", "content": "Be brief."},
                              {"role": "user", "content": "Hi"}])";
  const auto ids = [&](const std::string& role) {
    std::string fields = kOf;
    return IdsOf(fields.replace(fields.find("%s"), 2, role));
  };
  EXPECT_EQ(ids("developer"), ids("system"));
}

TEST_F(ChatFieldsTest, AnswersOfOpenAiAndVllmComeBack) {
  EXPECT_EQ(IdsOf(R"("messages": [{"role": "user", "content": "Hi", "name": "Ann"},
      {"role": "assistant", "content": "Yes", "refusal": null, "annotations": [], "audio": null,
       "function_call": null, "tool_calls": [], "reasoning": null, "reasoning_content": null},
      {"role": "user", "content": "Bye"}])"),
            IdsOf(R"("messages": [{"role": "user", "content": "Hi"},
      {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Bye"}])"));
}

TEST_F(ChatFieldsTest, TheTemplateIsGivenWhatVllmGivesIt) {
  EXPECT_EQ(Shown(R"("messages": [{"name": "n", "content": "c", "role": "user", "id": "x"}])"),
            "role=user;content=c;name=n;|nullnull");
  EXPECT_EQ(
      Shown(R"("messages": [{"role": "assistant", "content": null, "reasoning": "r",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{\"b\": 1}"}}]},
               {"role": "tool", "tool_call_id": "1", "content": "4"}],
               "tools": [{"type": "function", "function": {"name": "f", "a": 1}}],
               "documents": [{"text": "d"}], "chat_template_kwargs": {"mood": "glad"})"),
      "role=assistant;content=;tool_calls=[{'id': '1', 'function': {'name': 'f', 'arguments': "
      "{'b': 1}}}];reasoning=r;reasoning_content=r;|role=tool;content=4;tool_call_id=1;|"
      R"([{"type": "function", "function": {"name": "f", "a": 1}}]glad[{"text": "d"}])");
}

TEST_F(ChatFieldsTest, TheFinalMessageIsContinuedOrNoted) {
  const std::string messages = R"("messages": [{"role": "user", "content": "Who?"},
                                               {"role": "assistant", "content": "The king"}])";
  std::vector<int32_t> expected = IdsOfChat("Who?");
  for (const int32_t id : tokenizer_.Encode("The king")) expected.push_back(id);
  EXPECT_EQ(IdsOf(messages + R"(, "continue_final_message": true, "add_generation_prompt": false)"),
            expected);
  ExpectRefused(Chat("{" + messages + R"(, "continue_final_message": true})"),
                "continue_final_message");
  ExpectRefused(Chat("{" + messages + "}"), "messages", "invalid_value", "continue_final_message");
  chat_ = ChatTemplates::FromSource("{{ messages[0].content }}", "t", tokenizer_).value();
  EXPECT_THAT(Parse(Chat("{" + messages + "}")).notes,
              ElementsAre(HasSubstr("ends with a message of the assistant")));
  EXPECT_THAT(Parse(Chat("{" + messages + R"(, "add_generation_prompt": false})")).notes,
              IsEmpty());
}

TEST_F(ChatFieldsTest, RefusesWhatWouldChangeTheAnswer) {
  ExpectRefused(ChatWith(R"("tools": [{"type": "function"}])"), "tools", "unsupported_value",
                "takes none");
  ExpectRefused(ChatWith(R"("tools": [1])"), "tools[0]");
  ExpectRefused(ChatWith(R"("tool_choice": "required")"), "tool_choice", "unsupported_value");
  ExpectRefused(ChatWith(R"("add_special_tokens": true)"), "add_special_tokens",
                "unsupported_value");
  ExpectRefused(ChatWith(R"("chat_template_kwargs": {"messages": []})"), "chat_template_kwargs");
  std::string messages = R"({"role": "user", "content": "a"})";
  const std::string one = messages;
  for (int i = 0; i < 16384; ++i) absl::StrAppend(&messages, ",", one);
  ExpectRefused(Chat(absl::StrCat(R"({"messages": [)", messages, "]}")), "messages",
                "invalid_value", "has 16385 messages");
  std::string arguments;
  for (int i = 0; i < 4097; ++i) absl::StrAppend(&arguments, i == 0 ? "" : ",", "\"a", i, "\":0");
  ExpectRefused(ChatWith(absl::StrCat(R"("chat_template_kwargs": {)", arguments, "}")),
                "chat_template_kwargs");
  limits_.lenient = true;
  ExpectRefused(ChatWith(R"("tool_choice": "required")"), "tool_choice", "unsupported_value");
  Accept(ChatWith(R"("tools": [], "tool_choice": "none", "add_special_tokens": false,
                     "chat_template_kwargs": {}, "documents": [])"));
}

TEST_F(ChatFieldsTest, TheTimeIsThatOfCreated) {
  chat_ = ChatTemplates::FromSource("{{ strftime_now('%Y') }}", "t", tokenizer_).value();
  const std::string line = ChatWith(R"("max_tokens": 1)");
  EXPECT_EQ(tokenizer_.Decode(Accept(line).prompts[0].ids), "1970");
  EXPECT_THAT(Parse(line).notes, ElementsAre(HasSubstr("--created")));
  limits_.created = 1'800'000'000;
  EXPECT_EQ(tokenizer_.Decode(Accept(line).prompts[0].ids), "2027");
  EXPECT_THAT(Parse(line).notes, IsEmpty());
}

TEST_F(ChatFieldsTest, ATokenWithoutARowIsRefused) {
  limits_.vocab_size = 1000;
  ExpectRefused(ChatWith(R"("max_tokens": 1)"), "messages", "invalid_value", "vocab_size");
}

TEST_F(ChatFieldsTest, RefusesMessages) {
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
      {R"([{"role": "user", "content": "Hi", "nmae": "Ann"}])", "messages[0].nmae",
       "unknown_parameter"},
      {R"([{"role": "user", "content": "Hi", "function_call": {"name": "f"}}])",
       "messages[0].function_call", "unsupported_value"},
      {R"([{"role": "user", "content": [5]}])", "messages[0].content[0]", "invalid_value"},
      {R"([{"role": "assistant", "content": "a", "tool_calls": [{"id": "x"}]}])",
       "messages[0].tool_calls[0]", "invalid_value"},
      {R"([{"role": "user", "content": {}}])", "messages[0].content", "invalid_value"},
      {R"([{"role": "user", "content": [{"text": "Hi"}]}])", "messages[0].content[0].type",
       "missing_required_parameter"},
      {R"([{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0].text",
       "missing_required_parameter"},
      {R"([{"role": "user", "content": [{"type": "text", "text": 1}]}])",
       "messages[0].content[0].text", "invalid_value"},
      {R"([{"role": "user", "content": [{"type": "text", "text": "a"},
                                        {"type": "image_url", "image_url": {}}]}])",
       "messages[0].content[1].type", "unsupported_value"},
      {R"([{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}])",
       "messages[0].content[0].x", "unknown_parameter"},
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

}  // namespace
}  // namespace octet::request_lines
