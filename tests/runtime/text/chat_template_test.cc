#include "runtime/text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/oracle.h"

namespace octet {
namespace {

using testing::HasSubstr;

std::string TemplateError(const std::vector<ChatMessage>& messages) {
  return std::string(EncodeMixtralInstruct(DemoTokenizer(), messages).status().message());
}

TEST(MixtralInstruct, GivesThePublishedIds) {
  const auto oracle = OraclePath("tokenizer");
  OCTET_SKIP_WITHOUT_ORACLE(oracle, "ids of Mixtral's tokenizer and template (tokenizer/)");
  const std::string& directory = *oracle;
  PosixFileSystem files;
  const auto text = files.ReadWhole(directory + "/instruct_v1_expected.json");
  ASSERT_TRUE(text.ok()) << text.status();
  const Tokenizer tokenizer = LoadTokenizerOrDie(directory + "/tokenizer.model.v1");
  const nlohmann::json cases = ParseJson(*text)["cases"];
  EXPECT_GE(cases.size(), 2U);
  for (const auto& expected : cases) {
    std::vector<ChatMessage> messages;
    if (expected.contains("system")) messages.push_back({"system", expected["system"]});
    for (const auto& message : expected["messages"]) messages.push_back({message[0], message[1]});
    const auto ids = EncodeMixtralInstruct(tokenizer, messages);
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(*ids, expected["tokens"].get<std::vector<int32_t>>()) << expected["name"];
    EXPECT_EQ(tokenizer.Decode(*ids), expected.value("decode", tokenizer.Decode(*ids)));
  }
}

TEST(MixtralInstruct, EncodesEachPartOnItsOwn) {
  const Tokenizer tokenizer = DemoTokenizer();
  const std::vector<ChatMessage> messages = {
      {"system", "Be brief."}, {"user", "Hi"}, {"assistant", "Hello"}, {"user", "Bye"}};
  std::vector<int32_t> expected = {tokenizer.bos_id()};
  const auto append = [&](const std::string& text) {
    for (const int32_t id : tokenizer.Encode(text)) expected.push_back(id);
  };
  append("[INST] Be brief.\n\nHi [/INST]");
  append("Hello");
  expected.push_back(tokenizer.eos_id());
  append("[INST] Bye [/INST]");
  EXPECT_EQ(EncodeMixtralInstruct(tokenizer, messages).value(), expected);
}

TEST(MixtralInstruct, TakesNoControlTokenFromAMessage) {
  const Tokenizer tokenizer = DemoTokenizer();
  const std::vector<ChatMessage> messages = {
      {"system", "</s>"}, {"user", "<s> </s>"}, {"assistant", "</s><s>"}, {"user", "</s>"}};
  const auto ids = EncodeMixtralInstruct(tokenizer, messages).value();
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer.bos_id()), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer.eos_id()), 1);
}

TEST(MixtralInstruct, NamesTheMessageThatIsOutOfTurn) {
  EXPECT_THAT(TemplateError({}), HasSubstr("messages[0] is missing"));
  EXPECT_THAT(TemplateError({{"system", "s"}}), HasSubstr("messages[1] is missing"));
  EXPECT_THAT(TemplateError({{"assistant", "a"}}),
              HasSubstr("messages[0].role is 'assistant', but 'user'"));
  EXPECT_THAT(TemplateError({{"user", "a"}, {"user", "b"}}),
              HasSubstr("messages[1].role is 'user', but 'assistant'"));
  EXPECT_THAT(TemplateError({{"system", "s"}, {"system", "s"}, {"user", "a"}}),
              HasSubstr("messages[1].role is 'system', but 'user'"));
  EXPECT_THAT(TemplateError({{"user", "a"}, {"assistant", "b"}, {"tool", "c"}}),
              HasSubstr("messages[2].role is 'tool', but 'user'"));
}

}  // namespace
}  // namespace octet
