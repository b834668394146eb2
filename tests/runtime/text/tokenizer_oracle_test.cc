// Tokenizers of model directories beside transformers: the same ids and the same text.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"
#include "runtime/text/streaming_decoder.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"

namespace octet {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;

std::string ReadOrDie(const std::string& path) {
  PosixFileSystem files;
  const auto text = files.ReadWhole(path);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

// The tokenizer of a case, whose tokenizer.model is kept elsewhere.
Tokenizer LoadCase(const std::string& directory, const json& expected) {
  PosixFileSystem disk;
  MemoryFileSystem files;
  const std::vector<std::string> names = disk.List(directory + "/model").value();
  for (const std::string& name : names) {
    const std::string path = directory + "/model/" + name;
    if (disk.IsFile(path)) files.files["m/" + name] = ReadOrDie(path);
  }
  if (expected["tokenizer_model"] == "v1") {
    files.files["m/tokenizer.model"] = ReadOrDie(*OraclePath("tokenizer/tokenizer.model.v1"));
  } else if (expected["tokenizer_model"] == "mini_v3") {
    files.files["m/tokenizer.model"] = ReadOrDie(*OraclePath("chat/vocab/mini_v3.model"));
  }
  return LoadTokenizerFor(files, "m").value();
}

void ExpectIds(const Tokenizer& tokenizer, const json& expected) {
  for (const json& prompt : expected.value("prompts", json::array())) {
    const std::string text = prompt["prompt"];
    if (prompt.contains("ids")) {
      EXPECT_EQ(json(tokenizer.EncodePrompt(text, true)), prompt["ids"]) << prompt["name"];
    }
    if (prompt.contains("ids_bare")) {
      EXPECT_EQ(json(tokenizer.EncodePrompt(text, false)), prompt["ids_bare"]) << prompt["name"];
    }
  }
  for (const json& chat : expected.value("chat", json::array())) {
    if (!chat.contains("ids") || !chat.contains("rendered")) continue;
    const RenderedText rendered = {.text = chat["rendered"], .from_outside = {}};
    EXPECT_EQ(json(tokenizer.EncodeRendered(rendered)), chat["ids"]) << rendered.text;
  }
}

void ExpectTexts(const Tokenizer& tokenizer, const json& expected) {
  for (const json& decode : expected.value("decodes", json::array())) {
    const Ids ids = decode["ids"];
    StreamingDecoder decoder(tokenizer, {}, SpecialTokens::kKeep);
    std::string kept;
    for (const int32_t id : ids) kept += decoder.Add(id);
    kept += decoder.Finish();
    EXPECT_EQ(json(kept), decode["text"]) << json(ids);
    EXPECT_EQ(json(tokenizer.Decode(ids)), decode["text_skip_special"]) << json(ids);
  }
}

TEST(TransformersOracle, IdsTextsAndRolesAreTheSame) {
  const auto cases = OraclePath("chat/cases");
  OCTET_SKIP_WITHOUT_ORACLE(cases, "ids of prompts and conversations of 32 model directories");
  PosixFileSystem disk;
  const auto names = disk.List(*cases);
  ASSERT_TRUE(names.ok()) << names.status();
  for (const std::string& name : *names) {
    SCOPED_TRACE(name);
    const std::string directory = *cases + "/" + name;
    const json expected = ParseJson(ReadOrDie(directory + "/expected.json"));
    const Tokenizer tokenizer = LoadCase(directory, expected);
    ExpectIds(tokenizer, expected);
    ExpectTexts(tokenizer, expected);
    if (expected.contains("specials")) {
      EXPECT_EQ(json(tokenizer.special_tokens()), expected["specials"]);
    }
  }
}

}  // namespace
}  // namespace octet
