#include "runtime/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/text/streaming_decoder.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

// Ids of the model below.
constexpr int32_t kA = 3;
constexpr int32_t kB = 4;
constexpr int32_t kSpace = 5;
constexpr int32_t kSpaceA = 6;
constexpr int32_t kSpaceB = 7;
constexpr int32_t kInst = 8;  // a control piece
constexpr int32_t kDoc = 9;   // a user-defined piece
constexpr int32_t kFirstNew = 10;

class TokenizerFilesTest : public testing::Test {
 protected:
  TokenizerFilesTest() : model_(BareModel(/*byte_fallback=*/false)) {
    for (const char* piece : {"a", "b", "▁"}) AddPiece(model_, piece, -10);
    for (const char* piece : {"▁a", "▁b"}) AddPiece(model_, piece, -1);
    AddPiece(model_, "[INST]", 0, PieceProto::CONTROL);
    AddPiece(model_, "[DOC]", 0, PieceProto::USER_DEFINED);
  }

  Tokenizer Load() {
    files_.files["m/tokenizer.model"] = model_.SerializeAsString();
    auto tokenizer = LoadTokenizerFor(files_, "m");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }
  Tokenizer LoadWith(const std::string& config) {
    files_.files["m/tokenizer_config.json"] = config;
    return Load();
  }

  static std::vector<int32_t> Ids(const Tokenizer& tokenizer, const std::string& text) {
    return tokenizer.EncodePrompt(text, /*add_special_tokens=*/false);
  }

  static std::string Kept(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
    StreamingDecoder decoder(tokenizer, {}, SpecialTokens::kKeep);
    std::string text;
    for (const int32_t id : ids) text += decoder.Add(id);
    return text + decoder.Finish();
  }

  sentencepiece::ModelProto model_;
  MemoryFileSystem files_;
};

TEST_F(TokenizerFilesTest, ControlPiecesAreFoundInPromptsOnly) {
  const Tokenizer tokenizer = Load();
  EXPECT_THAT(tokenizer.EncodePrompt("a</s>b", true), ElementsAre(1, kSpaceA, 2, kSpaceB));
  EXPECT_THAT(Ids(tokenizer, "[INST]a[INST]"), ElementsAre(kInst, kSpaceA, kInst));
  EXPECT_THAT(Ids(tokenizer, "<unk>"), ElementsAre(0));
  for (const int32_t id : tokenizer.Encode("[INST]</s><s>")) {
    EXPECT_NE(id, kInst);
    EXPECT_NE(id, 1);
    EXPECT_NE(id, 2);
  }
}

TEST_F(TokenizerFilesTest, UserDefinedPiecesStayPieces) {
  const Tokenizer tokenizer = Load();
  EXPECT_THAT(Ids(tokenizer, "a[DOC]b"), ElementsAre(kSpaceA, kDoc, kB));
  EXPECT_THAT(tokenizer.Encode("a[DOC]b"), ElementsAre(kSpaceA, kDoc, kB));
  EXPECT_EQ(tokenizer.Decode(std::vector<int32_t>{kSpaceA, kDoc}), "a[DOC]");
}

TEST_F(TokenizerFilesTest, LegacyDecidesWhereSpacesArePut) {
  const Tokenizer legacy = LoadWith(R"({"legacy": true})");
  EXPECT_THAT(Ids(legacy, "a</s>a"), ElementsAre(kSpaceA, 2, kSpaceA));
  EXPECT_THAT(Ids(legacy, " a"), ElementsAre(kSpace, kSpaceA));
  const Tokenizer first = LoadWith(R"({"legacy": false})");
  EXPECT_THAT(Ids(first, "a</s>a a"), ElementsAre(kSpaceA, 2, kA, kSpaceA));
  EXPECT_THAT(Ids(first, "</s>a"), ElementsAre(2, kA));
  EXPECT_THAT(Ids(first, " a"), ElementsAre(kSpaceA));
  const Tokenizer never = LoadWith(R"({"legacy": false, "add_prefix_space": false})");
  EXPECT_THAT(Ids(never, "a</s>a"), ElementsAre(kA, 2, kA));
  EXPECT_EQ(never.Decode(std::vector<int32_t>{kSpaceA}), " a");
  model_.mutable_normalizer_spec()->set_add_dummy_prefix(false);
  EXPECT_THAT(Ids(LoadWith(R"({"legacy": true})"), "a</s>a"), ElementsAre(kA, 2, kA));
  // Text that is text is as SentencePiece has it, whatever the files beside it say.
  EXPECT_THAT(LoadWith(R"({"legacy": false})").Encode("a"), ElementsAre(kA));
}

TEST_F(TokenizerFilesTest, ConfigDecidesWhatStandsAroundAPrompt) {
  const auto ids = [&](const std::string& config) {
    return LoadWith(config).EncodePrompt("a", true);
  };
  EXPECT_THAT(ids("{}"), ElementsAre(1, kSpaceA));
  EXPECT_THAT(ids(R"({"add_bos_token": false})"), ElementsAre(kSpaceA));
  EXPECT_THAT(ids(R"({"add_eos_token": true})"), ElementsAre(1, kSpaceA, 2));
  EXPECT_THAT(ids(R"({"add_eos_token": true, "eos_token": "[INST]"})"),
              ElementsAre(1, kSpaceA, kInst));
  EXPECT_THAT(ids(R"({"bos_token": null})"), ElementsAre(kSpaceA));
}

TEST_F(TokenizerFilesTest, AddedTokensStandBehindThePieces) {
  const Tokenizer tokenizer = LoadWith(R"({"eos_token": "<e>", "added_tokens_decoder": {
      "10": {"content": "<e>", "special": true}, "12": {"content": "<t>", "special": false}}})");
  EXPECT_EQ(tokenizer.vocab_size(), 13);
  EXPECT_EQ(tokenizer.num_pieces(), 10);
  EXPECT_EQ(tokenizer.eos_id(), 10);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_THAT(Ids(tokenizer, "a<e><t>b"), ElementsAre(kSpaceA, 10, 12, kSpaceB));
  const std::vector<int32_t> ids = {1, kSpaceA, 12, 10, 11, kSpaceB, 0};
  EXPECT_EQ(tokenizer.Decode(ids), "a<t> b");
  EXPECT_EQ(Kept(tokenizer, ids), "<s> a<t><e> b<unk>");
  EXPECT_EQ(tokenizer.TokenText(10), "<e>");
  EXPECT_EQ(tokenizer.TokenText(12), "<t>");
  EXPECT_EQ(tokenizer.TokenText(11), "token_id:11");
  EXPECT_THAT(tokenizer.special_tokens(),
              UnorderedElementsAre(Pair("bos_token", "<s>"), Pair("eos_token", "<e>"),
                                   Pair("unk_token", "<unk>")));
  EXPECT_THAT(tokenizer.notes(), IsEmpty());
}

TEST_F(TokenizerFilesTest, TokensWithoutIdsGetTheNext) {
  const Tokenizer tokenizer = LoadWith(
      R"({"pad_token": "<pad>", "mask_token": "<m>", "additional_special_tokens": ["<x>", "a"]})");
  EXPECT_THAT(Ids(tokenizer, "<x><pad><m>a"),
              ElementsAre(kFirstNew + 2, kFirstNew, kFirstNew + 1, kA));
  EXPECT_EQ(tokenizer.special_tokens().at("pad_token"), "<pad>");
  EXPECT_EQ(tokenizer.Decode(std::vector<int32_t>{kA, kB}), "b");  // "a" is special there
}

TEST_F(TokenizerFilesTest, OlderFilesNameTokensAndIds) {
  files_.files["m/special_tokens_map.json"] =
      R"({"eos_token": {"content": "<e>", "lstrip": false, "rstrip": false}})";
  files_.files["m/added_tokens.json"] = R"({"<e>": 10, "<t>": 11})";
  const Tokenizer tokenizer = Load();
  EXPECT_EQ(tokenizer.eos_id(), 10);
  EXPECT_THAT(Ids(tokenizer, "a<e> <t>b"), ElementsAre(kSpaceA, 10, kSpace, kSpace, 11, kSpaceB));
  EXPECT_EQ(tokenizer.Decode(std::vector<int32_t>{kSpaceA, 10, 11}), "a<t>");
}

TEST_F(TokenizerFilesTest, ReservedPiecesMayGetOtherNames) {
  const Tokenizer tokenizer =
      LoadWith(R"({"added_tokens_decoder": {"8": {"content": "<im>", "special": true},
                                            "6": {"content": "<six>", "special": false}}})");
  EXPECT_THAT(Ids(tokenizer, "<im><six>"), ElementsAre(kInst, kSpaceA));
  EXPECT_THAT(Ids(tokenizer, "a"), ElementsAre(kSpace, kA));  // "▁a" is no piece any more
  EXPECT_THAT(Ids(tokenizer, "[INST]"), testing::Not(testing::Contains(kInst)));
  EXPECT_EQ(Kept(tokenizer, {kInst, kSpaceA}), "<im><six>");
}

TEST_F(TokenizerFilesTest, ContradictionsAreNoted) {
  files_.files["m/tokenizer.json"] = R"({
      "added_tokens": [{"id": 11, "content": "<e>", "special": true},
                       {"id": 12, "content": "<other>", "special": true}],
      "normalizer": null,
      "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
                        "split": false},
      "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})";
  Tokenizer tokenizer = LoadWith(R"({"added_tokens_decoder": {
      "10": {"content": "<e>", "special": true}, "12": {"content": "<t>", "special": true},
      "13": {"content": "</s>", "special": true}}})");
  EXPECT_THAT(
      tokenizer.notes(),
      ElementsAre("m: tokenizer_config.json has '</s>' as token 13; that is the piece 2, "
                  "which counts",
                  "m: tokenizer.json has '<e>' as token 11; it is 10 elsewhere, which counts",
                  "m: tokenizer.json has '<other>' as token 12; that id is '<t>' elsewhere, "
                  "which counts"));
  // Pieces are those of tokenizer.model, spaces as tokenizer.json puts them.
  EXPECT_THAT(Ids(tokenizer, "a<e>a"), ElementsAre(kSpaceA, 10, kA));

  files_.files["m/tokenizer.json"] = R"({"model": {"type": "Unigram"}})";
  tokenizer = Load();
  ASSERT_FALSE(tokenizer.notes().empty());
  EXPECT_THAT(tokenizer.notes()[0], HasSubstr("m/tokenizer.json: model.type is 'Unigram'"));
  EXPECT_THAT(Ids(tokenizer, "a<e>a"), ElementsAre(kSpaceA, 10, kSpaceA));
}

TEST_F(TokenizerFilesTest, WhatAConversationHoldsStaysText) {
  const Tokenizer tokenizer = LoadWith(R"({"legacy": false, "added_tokens_decoder": {
      "10": {"content": "<e>", "special": true, "rstrip": true}}})");
  const std::string text = "[INST]a</s>[/INST]</s><e> b";
  const size_t content = text.find("a</s>");
  const std::vector<int32_t> as_text = tokenizer.EncodeRendered({text, {{content, content + 5}}});
  EXPECT_EQ(as_text.front(), kInst);
  EXPECT_EQ(std::count(as_text.begin(), as_text.end(), 2), 1);
  EXPECT_THAT(std::vector<int32_t>(as_text.end() - 3, as_text.end()), ElementsAre(2, 10, kB));
  const std::vector<int32_t> as_tokens = tokenizer.EncodeRendered({text, {}});
  EXPECT_EQ(std::count(as_tokens.begin(), as_tokens.end(), 2), 2);
  EXPECT_EQ(as_tokens, Ids(tokenizer, text));
  // Content without a spelling changes nothing.
  EXPECT_EQ(tokenizer.EncodeRendered({"[INST]a b</s>", {{6, 9}}}), Ids(tokenizer, "[INST]a b</s>"));
}

TEST_F(TokenizerFilesTest, OneFileCountsAlone) {
  files_.files["m/tokenizer_config.json"] = R"({"add_bos_token": false})";
  Load();
  const auto model = LoadTokenizerFor(files_, "m/tokenizer.model");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(model->EncodePrompt("a", true), ElementsAre(1, kSpaceA));
  files_.files["j/tokenizer.json"] =
      R"({"model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1}, "merges": []}})";
  const auto json = LoadTokenizerFor(files_, "j/tokenizer.json");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_THAT(json->EncodePrompt("a", true), ElementsAre(0, 1));
}

TEST_F(TokenizerFilesTest, DamagedFilesAreErrors) {
  files_.files["m/tokenizer_config.json"] = R"({"legacy": "no"})";
  files_.files["m/tokenizer.model"] = model_.SerializeAsString();
  EXPECT_THAT(std::string(LoadTokenizerFor(files_, "m").status().message()),
              HasSubstr("m/tokenizer_config.json: legacy must be true or false"));
  files_.files["j/tokenizer.json"] = R"({"model": {"type": "Unigram"}})";
  EXPECT_THAT(std::string(LoadTokenizerFor(files_, "j").status().message()),
              HasSubstr("j/tokenizer.json: model.type is 'Unigram'; only BPE can be read"));
}

TEST_F(TokenizerFilesTest, ListsWhatDecidesTokens) {
  EXPECT_FALSE(HasTokenizerFiles(files_, "m"));
  for (const char* name : {"tokenizer.json", "added_tokens.json", "chat_template.jinja", "x.json",
                           "additional_chat_templates/b.jinja", "additional_chat_templates/a.jinja",
                           "additional_chat_templates/README.md"}) {
    files_.files[std::string("m/") + name] = "{}";
  }
  EXPECT_TRUE(HasTokenizerFiles(files_, "m"));
  const auto names = ListTokenizerFiles(files_, "m");
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre("tokenizer.json", "added_tokens.json", "chat_template.jinja",
                                  "additional_chat_templates/a.jinja",
                                  "additional_chat_templates/b.jinja"));
}

}  // namespace
}  // namespace octet
