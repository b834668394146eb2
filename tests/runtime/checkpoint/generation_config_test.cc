#include "runtime/checkpoint/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<GenerationDefaults> Load(const std::string& text) {
  MemoryFileSystem memory;
  memory.files["m/generation_config.json"] = text;
  return LoadGenerationDefaults(memory, "m");
}

TEST(GenerationConfigTest, TakesWhatVllmTakes) {
  const auto all = Load(R"({"do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 20,
      "min_p": 0.05, "repetition_penalty": 1.05, "max_new_tokens": 300, "typical_p": 0.3})");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->sampling.temperature, 0.6F);
  EXPECT_EQ(all->sampling.top_p, 0.9F);
  EXPECT_EQ(all->sampling.top_k, 20);
  EXPECT_EQ(all->sampling.min_p, 0.05F);
  EXPECT_EQ(all->sampling.repetition_penalty, 1.05F);
  EXPECT_EQ(all->sampling.max_tokens, 300);
  EXPECT_EQ(all->stated,
            "temperature 0.6, top_p 0.9, top_k 20, min_p 0.05, repetition_penalty 1.05, "
            "max_new_tokens 300 (of a chat)");
}

TEST(GenerationConfigTest, NullsAndDefaultsOfTransformersAreNotStated) {
  for (
      const char* text :
      {"{}",
       R"({"temperature": null, "top_p": null, "top_k": null, "min_p": null, "max_new_tokens": null,
            "repetition_penalty": null})",
       R"({"temperature": 1.0, "top_p": 1, "top_k": 50, "min_p": 0, "repetition_penalty": 1.0})"}) {
    const auto none = Load(text);
    ASSERT_TRUE(none.ok()) << none.status();
    EXPECT_EQ(none->stated, "") << text;
    EXPECT_EQ(none->sampling.temperature, 1);
    EXPECT_EQ(none->sampling.top_p, 1);
    EXPECT_EQ(none->sampling.top_k, 0);
    EXPECT_EQ(none->sampling.min_p, 0);
    EXPECT_EQ(none->sampling.repetition_penalty, 1);
    EXPECT_EQ(none->sampling.max_tokens, std::nullopt);
  }
  MemoryFileSystem memory;
  EXPECT_EQ(LoadGenerationDefaults(memory, "m")->stated, "");
}

TEST(GenerationConfigTest, UnusualValues) {
  EXPECT_EQ(Load(R"({"temperature": 0})")->stated, "temperature 0");
  EXPECT_EQ(Load(R"({"temperature": 0})")->sampling.temperature, 0);
  for (const char* all : {R"({"top_k": 0})", R"({"top_k": -1})"}) {
    EXPECT_EQ(Load(all)->sampling.top_k, 0) << all;
  }
}

TEST(GenerationConfigTest, WhatNoRequestMayStateIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"repetition_penalty": 3})", "repetition_penalty is 3, not a number from"},
      {R"({"repetition_penalty": 0})", "repetition_penalty is 0, not"},
      {R"({"temperature": -1})", "temperature is -1, not a number from 0 to 2"},
      {R"({"temperature": "0.7"})", "temperature is '0.7', not a number from 0 to 2"},
      {R"({"temperature": 1e300})", "temperature is 1e+300, not a number from 0 to 2"},
      {R"({"top_p": 0})", "top_p is 0, not"},
      {R"({"top_p": 1.5})", "top_p is 1.5, not"},
      {R"({"top_k": 2.5})", "top_k is 2.5, not an integer from -1"},
      {R"({"top_k": -2})", "top_k is -2, not"},
      {R"({"min_p": 2})", "min_p is 2, not"},
      {R"({"max_new_tokens": 0})", "max_new_tokens is 0, not an integer from 1"},
      {R"([])", "is not a JSON object"},
      {R"({)", "is not valid UTF-8 JSON"},
  };
  for (const auto& [text, error] : cases) {
    const auto defaults = Load(text);
    ASSERT_FALSE(defaults.ok()) << text;
    EXPECT_THAT(std::string(defaults.status().message()),
                HasSubstr(std::string("m/generation_config.json: ") + error));
  }
  EXPECT_THAT(std::string(Load(R"({"top_p": 7})").status().message()),
              HasSubstr("--generation-config none"));
}

TEST(GenerationConfigTest, Tokens) {
  MemoryFileSystem memory;
  EXPECT_THAT(LoadGenerationTokens(memory, "m")->eos, testing::IsEmpty());
  memory.files["m/generation_config.json"] = R"({"bos_token_id": 1, "eos_token_id": [5, 6]})";
  EXPECT_THAT(LoadGenerationTokens(memory, "m")->eos, ElementsAre(5, 6));
  EXPECT_EQ(LoadGenerationTokens(memory, "m")->bos, 1);
  memory.files["m/generation_config.json"] = R"({"bos_token_id": null, "eos_token_id": null})";
  EXPECT_THAT(LoadGenerationTokens(memory, "m")->eos, testing::IsEmpty());
  EXPECT_EQ(LoadGenerationTokens(memory, "m")->bos, std::nullopt);
  memory.files["m/generation_config.json"] = R"({"eos_token_id": "</s>"})";
  EXPECT_THAT(std::string(LoadGenerationTokens(memory, "m").status().message()),
              HasSubstr("m/generation_config.json: eos_token_id holds '</s>'"));
}

// The sampling defaults of each case, as vLLM takes them.
TEST(GenerationConfigTest, AsVllm) {
  const auto ends = OraclePath("chat/ends");
  OCTET_SKIP_WITHOUT_ORACLE(ends, "sampling defaults of vLLM");
  PosixFileSystem files;
  for (const auto& entry : std::filesystem::directory_iterator(*ends)) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().string());
    const json expected =
        ParseJson(ReadFile(entry.path() / "expected.json")).value("sampling", json::object());
    const auto defaults = LoadGenerationDefaults(files, entry.path() / "model");
    ASSERT_TRUE(defaults.ok()) << defaults.status();
    const SamplingDefaults& s = defaults->sampling;
    EXPECT_EQ(s.temperature, expected.value("temperature", 1.0F));
    EXPECT_EQ(s.top_p, expected.value("top_p", 1.0F));
    EXPECT_EQ(s.top_k, std::max(expected.value("top_k", 0), 0));
    EXPECT_EQ(s.min_p, expected.value("min_p", 0.0F));
    EXPECT_EQ(s.repetition_penalty, expected.value("repetition_penalty", 1.0F));
    EXPECT_EQ(defaults->stated.empty(), expected.empty());
  }
}

}  // namespace
}  // namespace octet
