#include "runtime/text/tokenizer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/text/tokenizer.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TokenizerJsonTest : public testing::Test {
 protected:
  TokenizerJsonTest() {
    root_ = json::parse(R"({
        "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": false,
                  "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4, "c": 5, "▁": 6,
                            "ab": 7, "bc": 8, "abc": 9, "▁a": 10},
                  "merges": []}})");
  }

  Tokenizer Make() {
    MemoryFileSystem files;
    files.files["m/tokenizer.json"] = root_.dump();
    files.files["m/tokenizer_config.json"] = config_;
    auto tokenizer = LoadTokenizerFor(files, "m");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }

  std::vector<int32_t> Ids(const std::string& text) { return Make().EncodePrompt(text, false); }

  void ExpectError(const std::string& message,
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    const absl::Status status = TokenizerJson::Parse(root_.dump(), "t.json").status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("t.json: " + message));
  }
  void ExpectRefused(const std::string& message) {
    ExpectError(message, absl::StatusCode::kUnimplemented);
  }

  json root_;
  std::string config_ = "{}";
};

TEST_F(TokenizerJsonTest, MergesInTheOrderOfTheFile) {
  root_["model"]["merges"] = {"b c", "a b"};
  EXPECT_THAT(Ids("abc"), ElementsAre(3, 8));
  root_["model"]["merges"] = json::parse(R"([["a", "b"], ["b", "c"]])");
  EXPECT_THAT(Ids("abc"), ElementsAre(7, 5));
  root_["model"]["merges"] = {"a b", "ab c"};
  EXPECT_THAT(Ids("abc"), ElementsAre(9));
  EXPECT_THAT(Ids("abab"), ElementsAre(7, 7));
  root_["model"]["merges"] = {"a bc"};  // whose part nothing makes
  EXPECT_THAT(Ids("abc"), ElementsAre(3, 4, 5));
}

TEST_F(TokenizerJsonTest, IgnoreMergesTakesATextThatIsAPieceWhole) {
  EXPECT_THAT(Ids("abc"), ElementsAre(3, 4, 5));
  root_["model"]["ignore_merges"] = true;
  EXPECT_THAT(Ids("abc"), ElementsAre(9));
  EXPECT_THAT(Ids("abca"), ElementsAre(3, 4, 5, 3));
}

TEST_F(TokenizerJsonTest, UnknownCharactersAreOneOrManyOrNothing) {
  EXPECT_THAT(Ids("aéñb"), ElementsAre(3, 0, 4));
  root_["model"]["fuse_unk"] = false;
  EXPECT_THAT(Ids("aéñb"), ElementsAre(3, 0, 0, 4));
  root_["model"]["unk_token"] = nullptr;
  EXPECT_THAT(Ids("aéñb"), ElementsAre(3, 4));
}

TEST_F(TokenizerJsonTest, BytesCountWhereAllOfACharacterArePieces) {
  root_["model"]["byte_fallback"] = true;
  root_["model"]["vocab"]["<0xC3>"] = 11;
  root_["model"]["vocab"]["<0xA9>"] = 12;
  EXPECT_THAT(Ids("éè"), ElementsAre(11, 12, 0));
  EXPECT_EQ(Make().Decode(std::vector<int32_t>{11, 12}), "é");
}

TEST_F(TokenizerJsonTest, NormalizersPrependAndReplace) {
  root_["model"]["merges"] = {"▁ a"};
  root_["normalizer"] = json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})");
  EXPECT_THAT(Ids("a a"), ElementsAre(10, 10));
  EXPECT_THAT(Ids(" a"), ElementsAre(6, 10));
  EXPECT_THAT(Ids(""), IsEmpty());
  EXPECT_THAT(Ids("\xFF"), ElementsAre(6, 0));
}

TEST_F(TokenizerJsonTest, MetaspacePutsASpaceInFront) {
  root_["model"]["merges"] = {"▁ a"};
  root_["added_tokens"] = json::parse(R"([{"id": 2, "content": "</s>", "special": true}])");
  const auto metaspace = [&](const char* scheme, bool split) {
    root_["pre_tokenizer"] = {{"type", "Sequence"},
                              {"pretokenizers", json::array({{{"type", "Metaspace"},
                                                              {"replacement", "▁"},
                                                              {"prepend_scheme", scheme},
                                                              {"split", split}}})}};
  };
  metaspace("always", false);
  EXPECT_THAT(Ids("a</s>a a"), ElementsAre(10, 2, 10, 10));
  EXPECT_THAT(Ids(" a</s>"), ElementsAre(10, 2));
  metaspace("first", false);
  EXPECT_THAT(Ids("a</s>a a"), ElementsAre(10, 2, 3, 10));
  EXPECT_THAT(Ids("</s>a"), ElementsAre(2, 3));
  metaspace("never", true);
  EXPECT_THAT(Ids("a  a</s>a"), ElementsAre(3, 6, 10, 2, 3));
  root_["pre_tokenizer"] = {{"type", "Metaspace"},
                            {"replacement", "▁"},
                            {"add_prefix_space", false}};  // as older versions wrote it
  EXPECT_THAT(Ids("a a"), ElementsAre(3, 10));
}

TEST_F(TokenizerJsonTest, TheFormOfTransformers5) {
  root_["model"]["merges"] = {"▁ a"};
  root_["normalizer"] = json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
      {"type": "Replace", "pattern": {"Regex": "\\A▁"}, "content": "▁▁"}]})");
  root_["pre_tokenizer"] = json::parse(R"({"type": "Sequence", "pretokenizers": [
      {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": false},
      {"type": "Split", "pattern": {"Regex": "\\[B\\]|bc"}, "behavior": "Isolated",
       "invert": false}]})");
  root_["model"]["vocab"]["[B]"] = 11;
  root_["model"]["ignore_merges"] = true;
  EXPECT_THAT(Ids(" a"), ElementsAre(6, 10));
  EXPECT_THAT(Ids("a[B]a"), ElementsAre(10, 11, 3));
  EXPECT_THAT(Ids("abcc"), ElementsAre(10, 8, 5));
}

TEST_F(TokenizerJsonTest, NormalizedTokensAreFoundInNormalizedText) {
  root_["normalizer"] = json::parse(R"({"type": "Prepend", "prepend": "▁"})");
  root_["added_tokens"] =
      json::parse(R"([{"id": 11, "content": "<n>", "special": false, "normalized": true},
                      {"id": 12, "content": "<r>", "special": true, "normalized": false}])");
  // Its normalized spelling is "▁<n>", so it stands only where a text begins.
  EXPECT_THAT(Ids("<n>a"), ElementsAre(11, 3));
  EXPECT_THAT(Ids("a<r><n>"), ElementsAre(6, 3, 12, 11));
  const std::vector<int32_t> inside = Ids("a<n>");
  EXPECT_EQ(std::count(inside.begin(), inside.end(), 11), 0);
  // From outside it is text.
  const Tokenizer tokenizer = Make();
  EXPECT_EQ(tokenizer.EncodeRendered({"<n>a", {{0, 4}}})[0], 6);
  EXPECT_THAT(tokenizer.EncodeRendered({"<n>a", {{3, 4}}}), ElementsAre(11, 3));
}

TEST_F(TokenizerJsonTest, TheClassDecidesWhatStandsAroundAPrompt) {
  root_["post_processor"] = json::parse(R"({"type": "Sequence", "processors": [
      {"type": "TemplateProcessing",
       "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                  {"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": "</s>", "type_id": 0}}],
       "special_tokens": {"<s>": {"ids": [1]}, "</s>": {"ids": [2]}}}]})");
  const auto ids = [&](const std::string& config) {
    config_ = config;
    return Make().EncodePrompt("a", true);
  };
  EXPECT_THAT(ids(R"({"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": false})"),
              ElementsAre(1, 3, 2));
  EXPECT_THAT(ids(R"({"tokenizer_class": "TokenizersBackend"})"), ElementsAre(1, 3, 2));
  EXPECT_THAT(ids(R"({"tokenizer_class": "TokenizersBackend", "add_bos_token": true,
                      "bos_token": "<s>"})"),
              ElementsAre(1, 3));
  EXPECT_THAT(ids(R"({"tokenizer_class": "LlamaTokenizer"})"), ElementsAre(1, 3));
  EXPECT_THAT(ids(R"({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": false})"),
              ElementsAre(3));
  EXPECT_THAT(ids(R"({"add_eos_token": true})"), ElementsAre(1, 3, 2));
  EXPECT_THAT(ids(R"({"bos_token": null})"), ElementsAre(3));
}

TEST_F(TokenizerJsonTest, TheDecoderMayStripASpace) {
  EXPECT_EQ(Make().Decode(std::vector<int32_t>{10, 10}), "a a");
  root_["decoder"] = json::parse(R"({"type": "Sequence", "decoders": [{"type": "Fuse"}]})");
  EXPECT_EQ(Make().Decode(std::vector<int32_t>{10, 10}), " a a");
  root_["decoder"]["decoders"].push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}});
  EXPECT_EQ(Make().Decode(std::vector<int32_t>{10, 10}), "a a");
}

TEST_F(TokenizerJsonTest, RefusesOtherKindsByName) {
  const json good = root_;
  for (const char* type : {"Unigram", "WordPiece", "WordLevel"}) {
    root_["model"]["type"] = type;
    ExpectRefused(std::string("model.type is '") + type + "'; only BPE can be read");
  }
  root_ = good;
  root_["pre_tokenizer"] = {{"type", "ByteLevel"}};
  ExpectRefused("pre_tokenizer is ByteLevel");
  root_ = good;
  root_["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  ExpectRefused("normalizer.normalizers[0] is NFC");
  root_["normalizer"] =
      json::parse(R"({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})");
  ExpectRefused("normalizer.pattern is the regular expression ' {2,}'");
  root_ = good;
  root_["post_processor"] = {{"type", "BertProcessing"}};
  ExpectRefused("post_processor is BertProcessing");
  root_["post_processor"] = {{"type", std::string(1000, 'x')}};
  ExpectRefused("post_processor is of no type");
  const json token = {{"SpecialToken", {{"id", "<s>"}}}};
  root_["post_processor"] = {{"type", "TemplateProcessing"},
                             {"single", json(std::vector(100, token))},
                             {"special_tokens", {{"<s>", {{"ids", {1, 1, 1}}}}}}};
  ExpectRefused("post_processor puts more than 256 tokens around a text");
  root_ = good;
  root_["model"]["continuing_subword_prefix"] = "##";
  ExpectRefused("model.continuing_subword_prefix is set");
  root_ = good;
  root_["model"]["dropout"] = 0.1;
  ExpectRefused("model.dropout is set");
}

TEST_F(TokenizerJsonTest, ErrorsNameTheKey) {
  const json good = root_;
  root_["model"]["merges"] = {"a b", "a x"};
  ExpectError("model.merges[1] needs the piece 'x', which is not in model.vocab");
  root_["model"]["merges"] = {"a c"};
  ExpectError("model.merges[0] needs the piece 'ac'");
  for (const json& merge : {json("ab"), json("a b c"), json::array({"a"}), json(1), json()}) {
    root_["model"]["merges"] = json::array({merge});
    ExpectError("model.merges[0] must be two pieces");
  }
  root_ = good;
  root_["model"]["vocab"]["x"] = 3;
  ExpectError("model.vocab.'x' is 3, the id of 'a'");
  for (const json& id : {json(-1), json(1.5), json("1"), json(1 << 20)}) {
    root_["model"]["vocab"]["x"] = id;
    ExpectError("model.vocab.'x' must be a token id");
  }
  root_ = good;
  root_["model"]["unk_token"] = "<none>";
  ExpectError("model.unk_token is not in model.vocab");
  root_ = good;
  root_["model"]["byte_fallback"] = "yes";
  ExpectError("model.byte_fallback must be true or false");
  root_ = good;
  root_["added_tokens"] = json::parse(R"([{"content": "x"}])");
  ExpectError("added_tokens[0] needs an id");
  root_ = good;
  root_.erase("model");
  ExpectError("has no model");
  root_ = json::array();
  ExpectError("must be a JSON object");
}

// A quadratic reader or merge would take minutes.
TEST_F(TokenizerJsonTest, TakesALargeVocabularyAndALongText) {
  json& vocab = root_["model"]["vocab"];
  json& merges = root_["model"]["merges"];
  merges = json::array();
  std::string piece = "a";
  for (int i = 0; i < 12; ++i) {
    merges.push_back(json::array({piece, piece}));
    piece += piece;
    vocab[piece] = 100 + i;
  }
  for (int i = 0; i < 50'000; ++i) vocab["w" + std::to_string(i)] = 1000 + i;
  const std::vector<int32_t> ids = Ids(std::string(1 << 20, 'a'));
  EXPECT_EQ(ids, std::vector<int32_t>((1 << 20) >> 12, 111));
}

}  // namespace
}  // namespace octet
