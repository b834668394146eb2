#include "runtime/checkpoint/end_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/model_config.h"
#include "tests/support/json.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EndTokensTest : public testing::Test {
 protected:
  std::vector<int32_t> Join(const std::vector<NamedTokens>& files,
                            const std::vector<int32_t>& otherwise = {}) {
    warnings_.clear();
    return JoinEndTokens(files, otherwise, 100, warnings_);
  }
  std::vector<std::string> warnings_;
};

TEST_F(EndTokensTest, AllThatAnyFileNames) {
  EXPECT_THAT(Join({{"a", 1, {2}}, {"b", 1, {2}}, {"c", {}, {}}}), ElementsAre(2));
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(Join({{"a", 1, {50}}, {"b", 1, {3, 2}}, {"c", 1, {50}}}), ElementsAre(2, 3, 50));
  EXPECT_THAT(warnings_, ElementsAre("the model's files disagree on the tokens that end an answer: "
                                     "a says 50, b 2, 3, c 50; each of 2, 3, 50 does"));
}

TEST_F(EndTokensTest, WhereNoFileNamesOne) {
  EXPECT_THAT(Join({{"a", {}, {}}, {"b", {}, {}}}, {2}), ElementsAre(2));
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(Join({{"a", {}, {}}}), IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("no file of the model names a token that ends")));
  EXPECT_THAT(Join({}, {100}), IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("no file of the model names a token that ends")));
}

TEST_F(EndTokensTest, WhatTheVocabularyHasNotIsLeftOut) {
  EXPECT_THAT(Join({{"a", {}, {2, 100}}, {"b", {}, {2, 7000}}}), ElementsAre(2));
  EXPECT_THAT(
      warnings_,
      ElementsAre("a: eos_token_id 100 is not below vocab_size, 100, so no answer ends with "
                  "it",
                  HasSubstr("b: eos_token_id 7000 is not below"), HasSubstr("disagree")));
  EXPECT_THAT(Join({{"a", {}, {100}}}, {2}), IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("a: eos_token_id 100"), HasSubstr("no file")));
}

TEST_F(EndTokensTest, FilesThatDisagreeOnTheFirstToken) {
  EXPECT_THAT(Join({{"a", 5, {2}}, {"b", {}, {2}}, {"the tokenizer", 1, {2}}}), ElementsAre(2));
  EXPECT_THAT(warnings_,
              ElementsAre("the model's files disagree on the first token of a text: a "
                          "says 5, the tokenizer 1; the tokenizer's counts, where there is one"));
}

json ReadJson(const std::string& path) {
  return std::filesystem::exists(path) ? ParseJson(ReadFile(path)) : json::object();
}

// What the tokenizer's files name as its end; what none of them names is tokenizer.model's, 2.
std::vector<int32_t> TokenizersEnd(const std::string& directory) {
  const json config = ReadJson(directory + "/tokenizer_config.json");
  const json map = ReadJson(directory + "/special_tokens_map.json");
  const json token = config.value("eos_token", map.value("eos_token", json("</s>")));
  if (token.is_null()) return {};
  const json text = token.is_object() ? token["content"] : token;
  const json decoder = config.value("added_tokens_decoder", json::object());
  for (const auto& [id, added] : decoder.items()) {
    if (added["content"] == text) return {std::stoi(id)};
  }
  const json added = ReadJson(directory + "/added_tokens.json");
  return {added.value(text.get<std::string>(), 2)};
}

TEST_F(EndTokensTest, AsTransformersAndVllm) {
  const auto ends = OraclePath("chat/ends");
  OCTET_SKIP_WITHOUT_ORACLE(ends, "end tokens of models as they are published");
  PosixFileSystem files;
  for (const auto& entry : std::filesystem::directory_iterator(*ends)) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().string());
    const std::string directory = entry.path() / "model";
    const json expected = ParseJson(ReadFile(entry.path() / "expected.json"));
    const auto config = LoadModelConfig(files, directory);
    ASSERT_TRUE(config.ok()) << config.status();
    std::vector<std::string> warnings;
    const std::vector<int32_t> joined =
        JoinEndTokens(std::vector{config->named_tokens, *LoadGenerationTokens(files, directory),
                                  NamedTokens{"the tokenizer", {}, TokenizersEnd(directory)}},
                      config->eos_token_ids, config->vocab_size, warnings);
    EXPECT_EQ(joined, expected["end_ids"].get<std::vector<int32_t>>());
  }
}

}  // namespace
}  // namespace octet
