#include "runtime/checkpoint/gguf_tokenizer.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/demo_model.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"
#include "tests/support/sentencepiece_model.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr float kAdded = -1000;  // the score of tokens that the converter adds
constexpr char kDialogue[] = "<s>a <tool> b<|im_end|> \xE2\x96\x81 <unk>\xFF</s>\nab  c<tool>a";

// Texts with spelled tokens, spaces in each place, bytes that are not UTF-8, and many scripts.
std::vector<std::string> TokenTexts() {
  return {"",        " ",          "a",          " a",     "a ",
          "  a  b ", "ab cab",     kDialogue,    "<0x41>", "[PAD262]",
          "<s>",     "</s></s> a", "日本語 é 😀", "\t\n\r", "<tool>  <tool>",
          "\xC3",    "▁a▁"};
}

class GgufTokenizerTest : public testing::Test {
 protected:
  GgufTokenizerTest() { contents_.SetString("general.architecture", "llama"); }

  absl::StatusOr<Tokenizer> Read() {
    Write();
    return ReadGgufTokenizer(GgufModel::Open(files_, "m.gguf").value());
  }

  void Write() { files_.files["m.gguf"] = contents_.Bytes(); }

  absl::StatusOr<ChatTemplates> Chat() {
    const Tokenizer tokenizer = Read().value();
    return ReadGgufChatTemplates(GgufModel::Open(files_, "m.gguf").value(), tokenizer);
  }

  // Compares with the directory d/.
  void ExpectTheSameAsDirectory(const std::vector<std::string>& texts) {
    const auto read = Read();
    ASSERT_TRUE(read.ok()) << read.status();
    const Tokenizer expected = LoadTokenizerFor(files_, "d").value();
    for (const std::string& text : texts) {
      EXPECT_EQ(read->Encode(text), expected.Encode(text)) << text;
      for (const bool add : {true, false}) {
        const auto ids = read->EncodePrompt(text, add);
        EXPECT_EQ(ids, expected.EncodePrompt(text, add)) << text;
        EXPECT_EQ(read->Decode(ids), expected.Decode(ids)) << text;
      }
    }
    EXPECT_EQ(read->special_tokens(), expected.special_tokens());
    EXPECT_EQ(read->bos_id(), expected.bos_id());
    EXPECT_EQ(read->eos_id(), expected.eos_id());
    EXPECT_EQ(read->vocab_size(), expected.vocab_size());
    EXPECT_EQ(read->vocabulary().pieces, expected.vocabulary().pieces);
    EXPECT_EQ(read->vocabulary().types, expected.vocabulary().types);
  }

  void SetPieces(const std::string& tokenizer_model) {
    files_.files["d/tokenizer.model"] = tokenizer_model;
    ASSERT_TRUE(pieces_.ParseFromString(tokenizer_model));
    contents_.SetTokenizer(pieces_);
  }

  void SetPieces(const sentencepiece::ModelProto& model) { SetPieces(model.SerializeAsString()); }

  // The error after this change, without the file's name.
  std::string ErrorAfter(const std::function<void(GgufContents&)>& change) {
    contents_.SetTokenizer(BareModel(/*byte_fallback=*/true));
    const GgufContents before = contents_;
    change(contents_);
    const auto tokenizer = Read();
    contents_ = before;
    EXPECT_FALSE(tokenizer.ok());
    const std::string message(tokenizer.status().message());
    EXPECT_THAT(message, StartsWith("m.gguf: "));
    return message.substr(message.find(' ') + 1);
  }

  MemoryFileSystem files_;
  GgufContents contents_;
  sentencepiece::ModelProto pieces_;
};

TEST_F(GgufTokenizerTest, GivesTheIdsOfTheSamePiecesInADirectory) {
  SetPieces(ReadFile(std::string(kDemoModel) + "/tokenizer.model"));
  std::vector<std::string> texts = TokenTexts();
  texts.emplace_back("In the beginning God created the heaven and the earth.");
  ExpectTheSameAsDirectory(texts);
  sentencepiece::ModelProto letters = LetterModel();
  AddPiece(letters, "ab", -1);
  AddPiece(letters, "<tool>", 0, PieceProto::USER_DEFINED);
  AddPiece(letters, "ca", -2, PieceProto::UNUSED);
  SetPieces(letters);
  ExpectTheSameAsDirectory(TokenTexts());
}

TEST_F(GgufTokenizerTest, GivesTheIdsOfMixtral) {
  const auto model = OraclePath("tokenizer/tokenizer.model.v1");
  OCTET_SKIP_WITHOUT_ORACLE(model, "the ids of Mixtral's own vocabulary");
  SetPieces(ReadFile(*model));
  std::vector<std::string> texts = TokenTexts();
  const std::string sample = ReadFile(*OraclePath("tokenizer/sample_en.txt"));
  for (const auto& line : absl::StrSplit(sample, '\n')) texts.emplace_back(line);
  ExpectTheSameAsDirectory(texts);
}

// The converter calls the tokens of added_tokens_decoder control tokens where they are special,
// <unk> as well, else user-defined ones, and fills the vocabulary up.
TEST_F(GgufTokenizerTest, AddedTokensAreThoseOfADirectory) {
  sentencepiece::ModelProto model = BareModel(/*byte_fallback=*/true);
  for (const char* piece : {"a", "b", "▁"}) AddPiece(model, piece, -1);
  SetPieces(model);
  json added;
  for (const auto& [id, content] : {std::pair("0", "<unk>"), std::pair("1", "<s>"),
                                    std::pair("2", "</s>"), std::pair("262", "<|im_end|>")}) {
    added[id] = {{"content", content}, {"special", true}, {"normalized", false}};
  }
  added["263"] = {{"content", "<tool>"}, {"special", false}, {"normalized", false}};
  files_.files["d/tokenizer_config.json"] =
      json{{"added_tokens_decoder", added}, {"eos_token", "<|im_end|>"}, {"legacy", true}}.dump();
  for (const int id : {0, 1, 2}) {
    model.mutable_pieces(id)->set_type(PieceProto::CONTROL);
    model.mutable_pieces(id)->set_score(kAdded);
  }
  AddPiece(model, "<|im_end|>", kAdded, PieceProto::CONTROL);
  AddPiece(model, "<tool>", kAdded, PieceProto::USER_DEFINED);
  for (int id = 264; id < 270; ++id) {
    AddPiece(model, absl::StrCat("[PAD", id, "]"), -10000, PieceProto::UNUSED);
  }
  contents_.SetTokenizer(model);
  contents_.Set("tokenizer.ggml.eos_token_id", 262);
  contents_.Set("tokenizer.ggml.padding_token_id", 269);
  ExpectTheSameAsDirectory(TokenTexts());
}

TEST_F(GgufTokenizerTest, FlagsDecideWhatIsAdded) {
  SetPieces(LetterModel());
  EXPECT_THAT(Read()->EncodePrompt("ab", true), ElementsAre(kBos, 3, 4));
  contents_.SetBool("tokenizer.ggml.add_bos_token", false);
  contents_.SetBool("tokenizer.ggml.add_eos_token", true);
  EXPECT_THAT(Read()->EncodePrompt("ab", true), ElementsAre(3, 4, kEos));
  contents_.SetBool("tokenizer.ggml.add_space_prefix", true);
  EXPECT_THAT(Read()->Encode("a"), ElementsAre(6, 3));
  EXPECT_EQ(Read()->Decode(std::vector<int32_t>{6, 3}), "a");
  contents_.SetBool("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(Read()->Decode(std::vector<int32_t>{6, 3}), " a");
  EXPECT_THAT(Read()->Encode("a  b "), ElementsAre(3, 6, 6, 4, 6));
  contents_.SetBool("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_THAT(Read()->Encode("a  b "), ElementsAre(3, 6, 4));
}

TEST_F(GgufTokenizerTest, AbsentRolesHaveTheDefaultsOfLlamaCpp) {
  SetPieces(LetterModel());
  for (const char* role : {"bos", "eos", "unknown"}) {
    contents_.entries.erase(absl::StrCat("tokenizer.ggml.", role, "_token_id"));
  }
  EXPECT_EQ(Read()->bos_id(), kBos);
  EXPECT_EQ(Read()->eos_id(), kEos);
  contents_.Set("tokenizer.ggml.bos_token_id", std::numeric_limits<uint32_t>::max());
  EXPECT_EQ(Read()->bos_id(), -1);
  EXPECT_THAT(Read()->EncodePrompt("ab", true), ElementsAre(3, 4));
}

TEST_F(GgufTokenizerTest, OtherKindsAreNamed) {
  EXPECT_EQ(ErrorAfter([](GgufContents& c) {
              c.SetString("tokenizer.ggml.model", "gpt2");
              c.SetString("tokenizer.ggml.pre", "llama-bpe");
            }),
            "tokenizer.ggml.model is 'gpt2' with the pre-tokenizer 'llama-bpe'; only 'llama' can "
            "be read, which is SentencePiece's BPE");
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.entries.erase("tokenizer.ggml.model"); }),
              StartsWith("tokenizer.ggml.model is missing"));
  EXPECT_THAT(
      ErrorAfter([](GgufContents& c) { c.SetInts("tokenizer.ggml.precompiled_charsmap", {1}); }),
      StartsWith("tokenizer.ggml.precompiled_charsmap is not empty"));
}

TEST_F(GgufTokenizerTest, WrongListsAreNamed) {
  for (const char* key : {"tokens", "scores", "token_type"}) {
    const std::string full = absl::StrCat("tokenizer.ggml.", key);
    EXPECT_THAT(ErrorAfter([&](GgufContents& c) { c.entries.erase(full); }),
                HasSubstr("its metadata have no '" + full + "'"));
    EXPECT_THAT(ErrorAfter([&](GgufContents& c) { c.Set(full, 3); }),
                HasSubstr("metadata '" + full + "' has the type uint32"));
  }
  EXPECT_EQ(ErrorAfter([](GgufContents& c) {
              c.SetFloats("tokenizer.ggml.scores", {1, 2});
            }),
            "tokenizer.ggml.scores has 2 elements, but tokenizer.ggml.tokens has 259; convert the "
            "model to GGUF anew");
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.SetInts("tokenizer.ggml.token_type", {}); }),
              HasSubstr("token_type has 0 elements"));
  const auto with_token = [&](const std::string& token, float score, int32_t type) {
    return ErrorAfter([&](GgufContents& c) {
      c.SetStrings("tokenizer.ggml.tokens", {"<unk>", "<s>", token});
      c.SetFloats("tokenizer.ggml.scores", {0, 0, score});
      c.SetInts("tokenizer.ggml.token_type", {2, 3, type});
    });
  };
  const std::string where = "tokenizer.ggml.tokens: pieces[2] ";
  EXPECT_EQ(with_token("\xFF", 0, 1), where + "'\\xff' is not valid UTF-8");
  EXPECT_EQ(with_token("", 0, 1), where + "'' is empty");
  EXPECT_EQ(with_token("<s>", 0, 1), where + "'<s>' stands there twice");
  EXPECT_EQ(with_token("a", NAN, 1), where + "'a' has NaN for its score");
  EXPECT_THAT(with_token("a", 0, 6), HasSubstr("is of type BYTE, but not of the form <0x00>"));
  EXPECT_THAT(with_token("<0x41>", 0, 6), HasSubstr("there is no BYTE piece <0x00>"));
  EXPECT_THAT(with_token("a", 0, 7), HasSubstr("tokenizer.ggml.token_type[2] is 7; 1 to 6"));
  EXPECT_THAT(with_token("a", 0, 2), HasSubstr("is of type UNKNOWN, as is pieces[0]"));
}

TEST_F(GgufTokenizerTest, WrongRolesAreNamed) {
  for (const char* role : {"bos", "eos", "unknown", "padding"}) {
    const std::string key = absl::StrCat("tokenizer.ggml.", role, "_token_id");
    EXPECT_EQ(ErrorAfter([&](GgufContents& c) { c.Set(key, 259); }),
              key + " is 259, but there are only 259 tokens; convert the model to GGUF anew");
    EXPECT_THAT(ErrorAfter([&](GgufContents& c) { c.SetString(key, "<s>"); }), StartsWith(key));
  }
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("tokenizer.ggml.add_bos_token", 1); }),
              StartsWith("tokenizer.ggml.add_bos_token is 1, not true or false"));
}

TEST_F(GgufTokenizerTest, NotesWhatHasNoEffectAndScoresThatOrderNothing) {
  SetPieces(LetterModel());
  EXPECT_THAT(Read()->notes(), IsEmpty());
  contents_.Set("tokenizer.ggml.unheard_of", 1);
  EXPECT_THAT(Read()->notes(),
              ElementsAre("m.gguf: unknown key 'tokenizer.ggml.unheard_of' has no effect"));
  sentencepiece::ModelProto equal = LetterModel();
  for (int i = 0; i < 1000; ++i) AddPiece(equal, absl::StrCat("a", i), -100);
  contents_.entries.erase("tokenizer.ggml.unheard_of");
  contents_.SetTokenizer(equal);
  EXPECT_THAT(Read()->notes(), ElementsAre(HasSubstr("all of tokenizer.ggml.scores are equal")));
}

TEST_F(GgufTokenizerTest, TemplatesComeFromTheMetadata) {
  SetPieces(LetterModel());
  const Conversation conversation = {.messages = {{.role = "user", .parts = {"abc"}}}};
  EXPECT_EQ(Chat()->Render(conversation, 0)->text, "<s>[INST] abc [/INST]");
  EXPECT_THAT(Chat()->note(), HasSubstr("the model brings no chat template"));
  contents_.SetString("tokenizer.chat_template", "{{ eos_token }}{{ messages[0].content }}");
  contents_.SetString("tokenizer.chat_template.tool_use", "{{ tools|length }}");
  contents_.SetStrings("tokenizer.chat_templates", {"tool_use"});
  EXPECT_EQ(Chat()->Render(conversation, 0)->text, "</s>abc");
  EXPECT_EQ(Chat()->note(), "");
  Conversation with_tools = conversation;
  with_tools.tools = nlohmann::ordered_json::array({1, 2});
  EXPECT_EQ(Chat()->Render(with_tools, 0)->text, "2");
  contents_.SetString("tokenizer.chat_template", "{{");
  EXPECT_THAT(std::string(Chat()->Render(conversation, 0).status().message()),
              StartsWith("m.gguf: the chat template: "));
  contents_.SetString("tokenizer.chat_template", "\xFF");
  EXPECT_THAT(std::string(Chat().status().message()),
              HasSubstr("tokenizer.chat_template is not valid UTF-8"));
  contents_.Set("tokenizer.chat_template", 3);
  EXPECT_THAT(std::string(Chat().status().message()), HasSubstr("has the type uint32"));
}

}  // namespace
}  // namespace octet
