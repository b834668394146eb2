// Tokenizers that went from model directories through GGUF beside transformers: the same ids.

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/checkpoint/gguf_tokenizer.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"
#include "tests/support/sanitized.h"
#include "tests/support/sentencepiece_model.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;

json JsonOrNothing(const std::string& path) {
  PosixFileSystem disk;
  return disk.IsFile(path) ? ParseJson(ReadFile(path)) : json::object();
}

void Replace(sentencepiece::ModelProto& model, int id, const std::string& text,
             PieceProto::Type type) {
  if (id >= model.pieces_size()) return;
  model.mutable_pieces(id)->set_piece(text);
  model.mutable_pieces(id)->set_score(-1000);
  model.mutable_pieces(id)->set_type(type);
}

// The pieces as llama.cpp's converter lists them (conversion/base.py).
sentencepiece::ModelProto Converted(const std::string& directory, const std::string& pieces) {
  sentencepiece::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(pieces));
  const int vocabulary =
      JsonOrNothing(directory + "/config.json").value("vocab_size", model.pieces_size());
  for (int id = model.pieces_size(); id < vocabulary; ++id) {
    AddPiece(model, absl::StrCat("[PAD", id, "]"), -10000, PieceProto::UNUSED);
  }
  const json added = JsonOrNothing(directory + "/added_tokens.json");
  for (const auto& [text, id] : added.items()) {
    Replace(model, id, text, PieceProto::USER_DEFINED);
  }
  const json config = JsonOrNothing(directory + "/tokenizer_config.json");
  const json decoder = config.value("added_tokens_decoder", json::object());
  for (const auto& [id, token] : decoder.items()) {
    const bool special = token.value("special", false);
    const std::string text = token["content"];
    Replace(model, std::stoi(id), special ? text : absl::StrReplaceAll(text, {{"▁", " "}}),
            special ? PieceProto::CONTROL : PieceProto::USER_DEFINED);
  }
  return model;
}

GgufContents ContentsOf(const std::string& directory, const std::string& pieces) {
  const sentencepiece::ModelProto model = Converted(directory, pieces);
  GgufContents contents;
  contents.SetString("general.architecture", "llama");
  contents.SetTokenizer(model);
  const json config = JsonOrNothing(directory + "/tokenizer_config.json");
  for (const char* role : {"bos", "eos", "unk", "pad"}) {
    const json token = config.value(absl::StrCat(role, "_token"), json());
    const json content = token.is_object() ? token["content"] : token;
    const std::string key = absl::StrCat(
        "tokenizer.ggml.", absl::StrReplaceAll(role, {{"unk", "unknown"}, {"pad", "padding"}}),
        "_token_id");
    for (int id = 0; id < model.pieces_size(); ++id) {
      if (content == model.pieces(id).piece()) contents.Set(key, static_cast<uint32_t>(id));
    }
  }
  for (const char* flag : {"add_bos_token", "add_eos_token"}) {
    if (!config.contains(flag)) continue;
    contents.SetBool(absl::StrCat("tokenizer.ggml.", flag), config[flag].get<bool>());
  }
  return contents;
}

void ExpectIdsOfTransformers(const Tokenizer& tokenizer, const json& expected) {
  for (const json& prompt : expected.value("prompts", json::array())) {
    const std::string text = prompt["prompt"];
    for (const auto& [key, add] : {std::pair("ids", true), std::pair("ids_bare", false)}) {
      if (!prompt.contains(key)) continue;
      EXPECT_EQ(json(tokenizer.EncodePrompt(text, add)), prompt[key]) << prompt["name"];
    }
  }
  for (const json& chat : expected.value("chat", json::array())) {
    if (!chat.contains("ids") || !chat.contains("rendered")) continue;
    const RenderedText rendered = {.text = chat["rendered"], .from_outside = {}};
    EXPECT_EQ(json(tokenizer.EncodeRendered(rendered)), chat["ids"]) << rendered.text;
  }
}

// Returns whether GGUF keeps all that decides these ids: not the flags of added tokens, not tokens
// beyond the model's vocabulary, and not `legacy`.
bool KeepsAll(const std::string& name, const std::string& directory) {
  const json config = JsonOrNothing(directory + "/model/tokenizer_config.json");
  return name != "added-token-flags" && name != "ids-above-vocab-size" &&
         config.value("legacy", json()) != false;
}

TEST(GgufTransformersOracle, IdsAreTheSame) {
  const auto cases = OraclePath("chat/cases");
  OCTET_SKIP_WITHOUT_ORACLE(cases, "ids of prompts with vocabularies that went through GGUF");
  PosixFileSystem disk;
  int compared = 0;
  const std::vector<std::string> names = disk.List(*cases).value();
  for (size_t i = 0; i < names.size(); i += kSanitized ? 3 : 1) {
    const std::string& name = names[i];
    SCOPED_TRACE(name);
    const std::string directory = *cases + "/" + name;
    const json expected = JsonOrNothing(directory + "/expected.json");
    if (!expected["tokenizer_model"].is_string() || !KeepsAll(name, directory)) continue;
    const bool is_v1 = expected["tokenizer_model"] == "v1";
    const std::string pieces =
        ReadFile(*OraclePath(is_v1 ? "tokenizer/tokenizer.model.v1" : "chat/vocab/mini_v3.model"));
    MemoryFileSystem files;
    files.files["m.gguf"] = ContentsOf(directory + "/model", pieces).Bytes();
    const auto tokenizer = ReadGgufTokenizer(GgufModel::Open(files, "m.gguf").value());
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    ExpectIdsOfTransformers(*tokenizer, expected);
    ++compared;
  }
  EXPECT_GE(compared, kSanitized ? 5 : 15);
}

}  // namespace
}  // namespace octet
