#include "runtime/text/tokenizer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TokenizerConfigTest : public testing::Test {
 protected:
  absl::StatusOr<TokenizerConfig> Load() { return TokenizerConfig::Load(files_, "m"); }
  std::string Error() { return std::string(Load().status().message()); }
  void ExpectConfigError(const std::string& config, const std::string& message) {
    files_.files["m/tokenizer_config.json"] = config;
    EXPECT_THAT(Error(), HasSubstr("m/tokenizer_config.json: " + message)) << config;
  }

  MemoryFileSystem files_;
};

TEST_F(TokenizerConfigTest, NoFilesSayNothing) {
  const auto config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->roles.empty());
  EXPECT_TRUE(config->legacy);
  EXPECT_FALSE(config->add_bos_token.has_value());
  EXPECT_THAT(config->added_tokens, IsEmpty());
}

TEST_F(TokenizerConfigTest, ReadsTokensAndFlags) {
  files_.files["m/tokenizer_config.json"] = R"({
      "add_bos_token": false, "add_eos_token": null, "legacy": false, "add_prefix_space": true,
      "tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "pad_token": null,
      "eos_token": {"content": "<e>", "rstrip": true},
      "additional_special_tokens": ["<x>", {"content": "<y>", "lstrip": true}, "<x>"],
      "extra_special_tokens": {"image_token": "<i>"}, "another": [],
      "added_tokens_decoder": {"10": {"content": "<e>", "special": true, "single_word": true},
                               "9": {"content": "b", "normalized": false}}})";
  const auto config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->add_bos_token, false);
  EXPECT_EQ(config->add_eos_token, false);
  EXPECT_FALSE(config->legacy);
  EXPECT_EQ(config->add_prefix_space, true);
  EXPECT_EQ(config->tokenizer_class, "LlamaTokenizer");
  EXPECT_EQ(config->roles.at("bos_token")->content, "<s>");
  EXPECT_TRUE(config->roles.at("eos_token")->rstrip);
  EXPECT_FALSE(config->roles.at("pad_token").has_value());
  EXPECT_EQ(config->roles.at("image_token")->content, "<i>");
  ASSERT_EQ(config->more_special.size(), 2U);
  EXPECT_TRUE(config->more_special[1].lstrip);
  EXPECT_THAT(config->added_tokens,
              ElementsAre(AddedToken{.content = "b", .id = 9, .normalized = false},
                          AddedToken{.content = "<e>",
                                     .id = 10,
                                     .single_word = true,
                                     .normalized = false,
                                     .special = true}));
}

TEST_F(TokenizerConfigTest, OlderFilesCountWithoutAddedTokensDecoder) {
  files_.files["m/tokenizer_config.json"] = R"({"eos_token": "</s>"})";
  files_.files["m/special_tokens_map.json"] = R"({"eos_token": "<e>", "unk_token": "<unk>"})";
  files_.files["m/added_tokens.json"] = R"({"<e>": 7, "plain": 5})";
  auto config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->roles.at("eos_token")->content, "<e>");
  EXPECT_THAT(
      config->added_tokens,
      ElementsAre(AddedToken{.content = "plain", .id = 5},
                  AddedToken{.content = "<e>", .id = 7, .normalized = false, .special = true}));
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("eos_token is '</s>' in tokenizer_config.json "
                                                   "and '<e>' in special_tokens_map.json")));

  files_.files["m/tokenizer_config.json"] =
      R"({"eos_token": "</s>", "added_tokens_decoder": {"5": {"content": "plain"}}})";
  config = Load();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->roles.at("eos_token")->content, "</s>");
  EXPECT_EQ(config->added_tokens.size(), 1U);
  EXPECT_THAT(config->notes,
              ElementsAre(HasSubstr("the former counts"),
                          HasSubstr("'<e>' has the id 7 in added_tokens.json and none in")));
}

TEST_F(TokenizerConfigTest, ErrorsNameFileAndKey) {
  ExpectConfigError("[]", "must be a JSON object");
  ExpectConfigError("{", "");
  ExpectConfigError(R"({"add_bos_token": "no"})", "add_bos_token must be true or false");
  ExpectConfigError(R"({"legacy": 0})", "legacy must be true or false");
  ExpectConfigError(R"({"tokenizer_class": 1})", "tokenizer_class must be a text");
  ExpectConfigError(R"({"eos_token": 2})", "eos_token must be a text or an object");
  ExpectConfigError(R"({"eos_token": ""})", "eos_token has a content of 0 bytes");
  ExpectConfigError(R"({"additional_special_tokens": ["a", 1]})", "additional_special_tokens[1] ");
  ExpectConfigError(R"({"additional_special_tokens": "a"})",
                    "additional_special_tokens must be a list");
  ExpectConfigError(R"({"added_tokens_decoder": []})", "added_tokens_decoder must be an object");
  const auto in_decoder = [](const std::string& tokens) {
    return R"({"added_tokens_decoder": {)" + tokens + "}}";
  };
  ExpectConfigError(in_decoder(R"("5": "a")"), "added_tokens_decoder.'5' must be an object");
  ExpectConfigError(in_decoder(R"("5": {})"), "added_tokens_decoder.'5' has no content");
  ExpectConfigError(in_decoder(R"("5": {"content": "a", "lstrip": 1})"),
                    "added_tokens_decoder.'5' has 'lstrip', which must be true or false");
  for (const char* id : {"x", "-1", "9999999999999", "1048576", ""}) {
    ExpectConfigError(in_decoder(std::string("\"") + id + R"(": {"content": "a"})"),
                      std::string("added_tokens_decoder.'") + id + "' is no token id");
  }
  ExpectConfigError(in_decoder(R"("5": {"content": "a"}, "6": {"content": "a"})"),
                    "added_tokens_decoder.'6' has the content 'a', as 5 has");
  ExpectConfigError(in_decoder(R"("5": {"content": "a"}, "05": {"content": "b"})"),
                    "added_tokens_decoder has the id 5 twice");
}

TEST_F(TokenizerConfigTest, ErrorsOfTheOlderFilesNameThem) {
  files_.files["m/special_tokens_map.json"] = R"({"eos_token": 2})";
  EXPECT_THAT(Error(), HasSubstr("m/special_tokens_map.json: eos_token must be"));
  files_.files["m/special_tokens_map.json"] = "{}";
  for (const char* id : {"\"5\"", "-1", "1.5", "1048576", "null"}) {
    files_.files["m/added_tokens.json"] = std::string(R"({"<e>": )") + id + "}";
    EXPECT_THAT(Error(), HasSubstr("m/added_tokens.json: '<e>' must be a token id")) << id;
  }
  files_.files["m/added_tokens.json"] = R"({"a": 5, "b": 5})";
  EXPECT_THAT(Error(), HasSubstr("m/added_tokens.json: 'b' is 5, the id of 'a'"));
}

}  // namespace
}  // namespace octet
