#include "runtime/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/text/mistral_forms.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"

namespace octet {
namespace {

using testing::HasSubstr;

ChatMessage Message(const std::string& role, const std::string& text) {
  return {.role = role, .parts = {text}};
}

ChatTemplates Made(const std::string& source, const Tokenizer& tokenizer) {
  absl::StatusOr<ChatTemplates> made = ChatTemplates::FromSource(source, "t.jinja", tokenizer);
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

std::vector<int32_t> Encode(const Tokenizer& tokenizer, const ChatTemplates& chat,
                            const Conversation& conversation) {
  const absl::StatusOr<RenderedText> text = chat.Render(conversation, 0);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? tokenizer.EncodeRendered(*text) : std::vector<int32_t>();
}

std::string RenderError(const ChatTemplates& chat, const Conversation& conversation) {
  return std::string(chat.Render(conversation, 0).status().message());
}

std::string Text(const ChatTemplates& chat, const Conversation& conversation) {
  const absl::StatusOr<RenderedText> text = chat.Render(conversation, 0);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? text->text : "";
}

class ChatTemplateTest : public testing::Test {
 protected:
  // Loads a model directory with these files beside the demo's tokenizer.model.
  ChatTemplates Load(const std::map<std::string, std::string>& model_files) {
    MemoryFileSystem files;
    files.files["m/tokenizer.model"] = "";  // that it is there counts
    for (const auto& [name, text] : model_files) files.files["m/" + name] = text;
    absl::StatusOr<ChatTemplates> loaded = ChatTemplates::Load(files, "m", tokenizer_);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *std::move(loaded);
  }

  const Tokenizer tokenizer_ = DemoTokenizer();
  const Conversation hello_ = {.messages = {Message("user", "Hi")}};
};

TEST(MistralForms, V1GivesThePublishedIds) {
  const auto oracle = OraclePath("tokenizer");
  OCTET_SKIP_WITHOUT_ORACLE(oracle, "ids of Mixtral's tokenizer and template (tokenizer/)");
  const std::string& directory = *oracle;
  PosixFileSystem files;
  const auto text = files.ReadWhole(directory + "/instruct_v1_expected.json");
  ASSERT_TRUE(text.ok()) << text.status();
  const Tokenizer tokenizer = LoadTokenizerOrDie(directory + "/tokenizer.model.v1");
  const ChatTemplates chat = Made(MistralV1Form(), tokenizer);
  const nlohmann::json cases = ParseJson(*text)["cases"];
  EXPECT_GE(cases.size(), 2U);
  for (const auto& expected : cases) {
    Conversation conversation;
    if (expected.contains("system")) {
      conversation.messages.push_back(Message("system", expected["system"]));
    }
    for (const auto& message : expected["messages"]) {
      conversation.messages.push_back(Message(message[0], message[1]));
    }
    conversation.add_generation_prompt = conversation.messages.back().role == "user";
    EXPECT_EQ(Encode(tokenizer, chat, conversation), expected["tokens"].get<std::vector<int32_t>>())
        << expected["name"];
  }
}

TEST_F(ChatTemplateTest, V1EncodesEachPartOnItsOwn) {
  const Conversation conversation = {
      .messages = {Message("system", "Be brief."), Message("user", "Hi"),
                   Message("assistant", "Hello"), Message("user", "Bye")}};
  std::vector<int32_t> expected = {tokenizer_.bos_id()};
  const auto append = [&](const std::string& text) {
    for (const int32_t id : tokenizer_.Encode(text)) expected.push_back(id);
  };
  append("[INST] Be brief.\n\nHi [/INST]");
  append("Hello");
  expected.push_back(tokenizer_.eos_id());
  append("[INST] Bye [/INST]");
  EXPECT_EQ(Encode(tokenizer_, Made(MistralV1Form(), tokenizer_), conversation), expected);
}

// Texts and ids: mistral-common 1.13.1, its v3 tokenizer.
TEST_F(ChatTemplateTest, V3PutsTheSystemTextBeforeTheLastUsers) {
  const ChatTemplates chat = Made(MistralV3Form(), tokenizer_);
  EXPECT_EQ(Text(chat, {.messages = {Message("system", "S"), Message("user", "a"),
                                     Message("assistant", "b "), Message("user", "c")}}),
            "<s>[INST]a[/INST]b</s>[INST]S\n\nc[/INST]");
  Conversation prefill = {
      .messages = {Message("system", "S"), Message("user", "a"), Message("assistant", "The ")},
      .add_generation_prompt = false,
      .continue_final_message = true};
  EXPECT_EQ(Text(chat, prefill), "<s>[INST]S\n\na[/INST]The ");
}

TEST_F(ChatTemplateTest, NoControlTokenComesFromAMessage) {
  const ChatTemplates chat = Made(MistralV1Form(), tokenizer_);
  const auto ids = Encode(tokenizer_, chat,
                          {.messages = {Message("system", "</s>"), Message("user", "<s> </s>"),
                                        Message("assistant", "</s><s>"), Message("user", "</s>")}});
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer_.bos_id()), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer_.eos_id()), 1);
}

TEST_F(ChatTemplateTest, FormsNameTheMessageThatIsOutOfTurn) {
  const ChatTemplates chat = Made(MistralV1Form(), tokenizer_);
  const auto error = [&](std::vector<ChatMessage> messages) {
    return RenderError(chat, {.messages = std::move(messages)});
  };
  const ChatMessage s = Message("system", "s");
  const ChatMessage u = Message("user", "u");
  const ChatMessage a = Message("assistant", "a");
  EXPECT_THAT(error({s}), HasSubstr("messages[1] is missing"));
  EXPECT_THAT(error({a}), HasSubstr("messages[0].role is 'assistant', but 'user'"));
  EXPECT_THAT(error({u, u}), HasSubstr("messages[1].role is 'user', but 'assistant'"));
  EXPECT_THAT(error({u, a, s}), HasSubstr("messages[2].role is 'system', but 'user'"));
  EXPECT_THAT(error({u, a, Message("tool", "c")}),
              HasSubstr("messages[2].role is 'tool', but 'user'"));
  EXPECT_THAT(error({u, a}), HasSubstr("state continue_final_message true"));
}

TEST_F(ChatTemplateTest, TheModelsFilesCountInTheirOrder) {
  const std::string config = R"({"chat_template": "config {{ messages[0].content }}"})";
  EXPECT_EQ(Text(Load({{"tokenizer_config.json", config}}), hello_), "config Hi");
  EXPECT_EQ(Text(Load({{"tokenizer_config.json", config},
                       {"chat_template.jinja", "file {{ messages[0].content }}\n"}}),
                 hello_),
            "file Hi");
  EXPECT_EQ(Text(Load({{"tokenizer_config.json", "{}"},
                       {"chat_template.json", R"({"chat_template": "json"})"}}),
                 hello_),
            "json");
}

TEST_F(ChatTemplateTest, RequestsWithToolsTakeTheTemplateForTools) {
  const ChatTemplates chat = Load({{"tokenizer_config.json",
                                    R"({"chat_template": [{"name": "default", "template": "plain"},
            {"name": "tool_use", "template": "{{ tools | length }} tools"}]})"}});
  EXPECT_EQ(Text(chat, hello_), "plain");
  Conversation with_tools = hello_;
  with_tools.tools = {{{"type", "function"}}, {{"type", "function"}}};
  EXPECT_EQ(Text(chat, with_tools), "2 tools");
  EXPECT_TRUE(chat.TakesTools());
  EXPECT_FALSE(Made("plain", tokenizer_).TakesTools());
}

TEST_F(ChatTemplateTest, AModelWithoutATemplateCantChat) {
  const ChatTemplates base = Load({{"tokenizer_config.json", R"({"bos_token": "<s>"})"}});
  EXPECT_THAT(RenderError(base, hello_), HasSubstr("has no chat template"));
  EXPECT_FALSE(base.CheckDefault().ok());
  EXPECT_EQ(base.note(), "");
}

TEST_F(ChatTemplateTest, ATokenizerAloneIsMistrals) {
  const ChatTemplates chat = Load({});
  EXPECT_EQ(Text(chat, hello_), "<s>[INST] Hi [/INST]");
  EXPECT_THAT(chat.note(), HasSubstr("v1: [INST] is text"));
}

TEST_F(ChatTemplateTest, WhatATemplateCantDoIsNamed) {
  const ChatTemplates broken =
      Load({{"chat_template.jinja", "{% for m in messages %}{{ m | frobnicate }}{% endfor %}"}});
  EXPECT_THAT(RenderError(broken, hello_), HasSubstr("frobnicate"));
  EXPECT_THAT(RenderError(broken, hello_), HasSubstr("chat_template.jinja"));
  EXPECT_THAT(
      RenderError(Made("{{ raise_exception('Roles must alternate') }}", tokenizer_), hello_),
      HasSubstr("Roles must alternate"));
  EXPECT_THAT(RenderError(Made("{{ raise_exception(nothing) }}", tokenizer_), hello_),
              HasSubstr("raise_exception was called without a message"));
  EXPECT_EQ(RenderError(Made("{{ raise_exception('x' * 10000) }}", tokenizer_), hello_),
            std::string(1000, 'x'));
}

TEST_F(ChatTemplateTest, BadFilesAreRefused) {
  MemoryFileSystem files;
  for (const char* text : {"[", "[]", R"({"chat_template": 5})", R"({"chat_template": [{}]})"}) {
    files.files["m/tokenizer_config.json"] = text;
    const auto loaded = ChatTemplates::Load(files, "m", tokenizer_);
    EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("m/tokenizer_config.json"))
        << text;
  }
}

TEST_F(ChatTemplateTest, TheFinalMessageIsContinued) {
  const char* const kKeeps = "{% for m in messages %}<{{ m.content }}>{% endfor %}";
  const char* const kTrims = "{% for m in messages %}<{{ m.content | trim }}>{% endfor %}";
  const Conversation conversation = {
      .messages = {Message("user", "ok"), Message("assistant", "  ok  ")},
      .add_generation_prompt = false,
      .continue_final_message = true};
  EXPECT_EQ(Text(Made(kKeeps, tokenizer_), conversation), "<ok><  ok  ");
  EXPECT_EQ(Text(Made(kTrims, tokenizer_), conversation), "<ok><ok");
  EXPECT_THAT(RenderError(Made("nothing of it", tokenizer_), conversation),
              HasSubstr("changes the last message"));
}

TEST_F(ChatTemplateTest, PartsAreAListWhereTheTemplateWalksOverThem) {
  const Conversation conversation = {.messages = {{.role = "user", .parts = {"a", "b"}}}};
  EXPECT_EQ(Text(Made("{{ messages[0].content }}", tokenizer_), conversation), "a\nb");
  EXPECT_EQ(Text(Made("{% for m in messages %}{% for part in m['content'] %}({{ part.text }})"
                      "{% endfor %}{% endfor %}",
                      tokenizer_),
                 conversation),
            "(a)(b)");
}

TEST_F(ChatTemplateTest, ARoleMayBePartOfATokensSpelling) {
  const ChatTemplates chat =
      Made("{{ '<' ~ messages[0].role ~ '>' ~ messages[0].content }}", tokenizer_);
  const absl::StatusOr<RenderedText> known = chat.Render(hello_, 0);
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->from_outside, (std::vector<RenderedText::Range>{{6, 8}}));
  const absl::StatusOr<RenderedText> unknown = chat.Render({.messages = {Message("/s", "a")}}, 0);
  ASSERT_TRUE(unknown.ok());
  EXPECT_EQ(unknown->from_outside, (std::vector<RenderedText::Range>{{1, 3}, {4, 5}}));
}

}  // namespace
}  // namespace octet
