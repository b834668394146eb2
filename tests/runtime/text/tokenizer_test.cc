#include "runtime/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "tests/support/demo_model.h"
#include "tests/support/sanitized.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using sentencepiece::ModelProto;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ModelError(const ModelProto& model) {
  return std::string(Tokenizer::FromModel(model, "test.model").status().message());
}

std::string TempFile(const std::string& name, const std::string& content) {
  std::string path = testing::TempDir() + "/tokenizer_" + std::to_string(getpid()) + "_" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(TokenizerLoad, TakesAFileOrTheDirectoryItIsIn) {
  PosixFileSystem files;
  const auto from_file =
      LoadTokenizerFor(files, OCTET_SOURCE_DIR "/launch/demo/model/tokenizer.model");
  ASSERT_TRUE(from_file.ok()) << from_file.status();
  EXPECT_EQ(from_file->vocab_size(), 2048);
  EXPECT_EQ(from_file->bos_id(), kBos);
  EXPECT_EQ(from_file->eos_id(), kEos);
  EXPECT_EQ(DemoTokenizer().Encode("In the beginning"), from_file->Encode("In the beginning"));
}

TEST(TokenizerLoad, NamesTheFileThatCannotBeRead) {
  PosixFileSystem files;
  const auto missing = LoadTokenizerFor(files, "/nonexistent/tokenizer.model").status();
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/nonexistent/tokenizer.model"));
  const auto no_tokenizer = LoadTokenizerFor(files, OCTET_SOURCE_DIR "/launch").status();
  EXPECT_THAT(std::string(no_tokenizer.message()),
              HasSubstr("/launch/tokenizer.model: there is no such file"));
  for (const std::string content : {"", "{\"version\": \"1.0\"}", "\x08\x96\x01", "\xFF\xFF\xFF"}) {
    const std::string path = TempFile("not_a_tokenizer.model", content);
    const auto status = LoadTokenizerFor(files, path).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(path + ": is not a SentencePiece model"));
  }
}

TEST(TokenizerLoad, RefusesOtherKindsOfModel) {
  ModelProto unigram = LetterModel();
  unigram.mutable_trainer_spec()->clear_model_type();
  EXPECT_THAT(ModelError(unigram), HasSubstr("test.model: trainer_spec.model_type is UNIGRAM"));
  ModelProto nfkc = LetterModel();
  nfkc.mutable_normalizer_spec()->set_name("nmt_nfkc");
  nfkc.mutable_normalizer_spec()->set_precompiled_charsmap("x");
  EXPECT_THAT(ModelError(nfkc), HasSubstr("normalizer_spec.precompiled_charsmap (nmt_nfkc)"));
  ModelProto denormalized = LetterModel();
  denormalized.mutable_denormalizer_spec()->set_precompiled_charsmap("x");
  EXPECT_THAT(ModelError(denormalized), HasSubstr("denormalizer_spec.precompiled_charsmap"));
}

TEST(TokenizerLoad, RefusesBadPiecesByIdAndText) {
  const auto error_with = [](const std::string& text, float score, PieceProto::Type type) {
    ModelProto model = LetterModel();
    AddPiece(model, text, score, type);
    return ModelError(model);
  };
  EXPECT_THAT(error_with("b", 0, PieceProto::NORMAL),
              HasSubstr("test.model: pieces[7] 'b' stands there twice"));
  EXPECT_THAT(error_with("</s>", 0, PieceProto::NORMAL), HasSubstr("'</s>' stands there twice"));
  EXPECT_THAT(error_with("", 0, PieceProto::NORMAL), HasSubstr("pieces[7] '' is empty"));
  EXPECT_THAT(error_with("\xE2\x96", 0, PieceProto::NORMAL),
              HasSubstr("'\\xe2\\x96' is not valid UTF-8"));
  EXPECT_THAT(error_with(std::string(5000, 'x'), 0, PieceProto::NORMAL),
              HasSubstr("more than 4096 bytes"));
  EXPECT_THAT(error_with("x", std::numeric_limits<float>::quiet_NaN(), PieceProto::NORMAL),
              HasSubstr("NaN"));
  EXPECT_THAT(error_with("x", 0, PieceProto::UNKNOWN), HasSubstr("UNKNOWN, as is pieces[0]"));
  EXPECT_THAT(error_with("<0x41>", 0, PieceProto::BYTE), HasSubstr("byte_fallback is false"));
}

TEST(TokenizerLoad, RefusesWhatIsMissingAsAWhole) {
  ModelProto no_unknown = LetterModel();
  no_unknown.mutable_pieces(kUnk)->set_type(PieceProto::NORMAL);
  EXPECT_THAT(ModelError(no_unknown), HasSubstr("no piece is of type UNKNOWN"));
  ModelProto one_byte_missing = BareModel(/*byte_fallback=*/true);
  one_byte_missing.mutable_pieces(3 + 0xAB)->set_piece("<0xab>");
  EXPECT_THAT(ModelError(one_byte_missing),
              HasSubstr("'<0xab>' is of type BYTE, but not of the form"));
  one_byte_missing.mutable_pieces(3 + 0xAB)->set_type(PieceProto::NORMAL);
  EXPECT_THAT(ModelError(one_byte_missing), HasSubstr("no BYTE piece <0xab>"));
  ModelProto bad_surface = LetterModel();
  bad_surface.mutable_trainer_spec()->set_unk_surface("\xE2");
  EXPECT_THAT(ModelError(bad_surface), HasSubstr("trainer_spec.unk_surface is not valid UTF-8"));
  ModelProto bos_out_of_range = LetterModel();
  bos_out_of_range.mutable_trainer_spec()->set_bos_id(7);
  EXPECT_THAT(ModelError(bos_out_of_range),
              HasSubstr("trainer_spec.bos_id is 7, but there are only 7 pieces"));
  ModelProto eos_from_text = LetterModel();
  eos_from_text.mutable_trainer_spec()->set_eos_id(3);
  EXPECT_THAT(ModelError(eos_from_text),
              HasSubstr("trainer_spec.eos_id is 3, but pieces[3] is not of type CONTROL"));
}

TEST(TokenizerEncode, MergesTheBestScoreFirstAndTheLeftmostOfEquals) {
  ModelProto model = LetterModel();
  AddPiece(model, "ab", -2);  // 7
  AddPiece(model, "bc", -1);  // 8
  AddPiece(model, "aa", -3);  // 9
  const Tokenizer tokenizer = MakeTokenizer(model);
  EXPECT_THAT(tokenizer.Encode("abc"), ElementsAre(3, 8));
  EXPECT_THAT(tokenizer.Encode("aaa"), ElementsAre(9, 3));
  EXPECT_THAT(tokenizer.Encode("aaab"), ElementsAre(9, 7));
}

TEST(TokenizerEncode, MergesThroughCharactersThatAreNoPieces) {
  ModelProto model = LetterModel();
  AddPiece(model, "xy", -1);  // 7, though neither x nor y is a piece
  EXPECT_THAT(MakeTokenizer(model).Encode("xyxay"), ElementsAre(7, kUnk, 3, kUnk));
}

TEST(TokenizerEncode, GivesOneUnknownForARunAndBytesWithFallback) {
  EXPECT_THAT(MakeTokenizer(LetterModel()).Encode("aéñb"), ElementsAre(3, kUnk, 4));
  ModelProto model = BareModel(/*byte_fallback=*/true);
  model.mutable_normalizer_spec()->set_add_dummy_prefix(false);
  EXPECT_THAT(MakeTokenizer(model).Encode("é"), ElementsAre(3 + 0xC3, 3 + 0xA9));
  EXPECT_THAT(MakeTokenizer(model).Encode("\xE9"), ElementsAre(3 + 0xEF, 3 + 0xBF, 3 + 0xBD));
}

TEST(TokenizerEncode, SplitsUnusedPiecesAgain) {
  ModelProto model = LetterModel();
  AddPiece(model, "ab", -1, PieceProto::UNUSED);  // 7
  AddPiece(model, "abc", -2);                     // 8
  const Tokenizer tokenizer = MakeTokenizer(model);
  EXPECT_THAT(tokenizer.Encode("ab"), ElementsAre(3, 4));
  EXPECT_THAT(tokenizer.Encode("abc"), ElementsAre(8));
}

TEST(TokenizerEncode, NeverSplitsOrMergesUserDefinedSymbols) {
  ModelProto model = LetterModel();
  AddPiece(model, "ab", -1);                             // 7
  AddPiece(model, "bc", 0, PieceProto::USER_DEFINED);    // 8
  AddPiece(model, "bcbc", 0, PieceProto::USER_DEFINED);  // 9
  const Tokenizer tokenizer = MakeTokenizer(model);
  EXPECT_THAT(tokenizer.Encode("abc"), ElementsAre(3, 8));
  EXPECT_THAT(tokenizer.Encode("abcbcbc"), ElementsAre(3, 9, 8));
}

TEST(TokenizerEncode, NeverMakesControlPieces) {
  const Tokenizer tokenizer = DemoTokenizer();
  const std::string text = "<s>x</s><unk><0x41>";
  const std::vector<int32_t> ids = tokenizer.Encode(text);
  for (const int32_t id : ids) EXPECT_GT(id, kEos);
  EXPECT_EQ(tokenizer.Decode(ids), text);
}

TEST(TokenizerEncode, HonoursTheWhitespaceFlags) {
  const auto pieces = [](bool prefix, bool remove, bool suffix, bool escape) {
    ModelProto model = LetterModel();
    AddPiece(model, " ", -100);
    model.mutable_trainer_spec()->set_treat_whitespace_as_suffix(suffix);
    model.mutable_normalizer_spec()->set_add_dummy_prefix(prefix);
    model.mutable_normalizer_spec()->set_remove_extra_whitespaces(remove);
    model.mutable_normalizer_spec()->set_escape_whitespaces(escape);
    const Tokenizer tokenizer = MakeTokenizer(model);
    std::string text;
    for (const int32_t id : tokenizer.Encode("  a  b ")) text += tokenizer.Piece(id);
    return text;
  };
  EXPECT_EQ(pieces(false, false, false, true), "▁▁a▁▁b▁");
  EXPECT_EQ(pieces(true, false, false, true), "▁▁▁a▁▁b▁");
  EXPECT_EQ(pieces(true, true, false, true), "▁a▁b");
  EXPECT_EQ(pieces(true, true, true, true), "a▁b▁");
  EXPECT_EQ(pieces(true, true, false, false), " a b");
}

TEST(TokenizerEncode, GivesNothingForAnEmptyText) {
  EXPECT_THAT(DemoTokenizer().Encode(""), IsEmpty());
}

// A quadratic merge would take hours.
TEST(TokenizerEncode, TakesALongLineWithoutSpaces) {
  ModelProto model = LetterModel();
  for (int size = 2; size <= 64; size *= 2)
    AddPiece(model, std::string(size, 'a'), static_cast<float>(-size));
  const Tokenizer tokenizer = MakeTokenizer(model);
  constexpr size_t kBytes = size_t{kSanitized ? 1 : 4} << 20;
  EXPECT_EQ(tokenizer.Encode(std::string(kBytes, 'a')), std::vector<int32_t>(kBytes / 64, 12));
}

TEST(TokenizerDecode, TakesTheDummyPrefixAwayAndHidesControlPieces) {
  ModelProto model = BareModel(/*byte_fallback=*/true);
  AddPiece(model, "▁a");  // 259
  AddPiece(model, "▁");   // 260
  const Tokenizer tokenizer = MakeTokenizer(model);
  const auto decode = [&](const std::vector<int32_t>& ids) { return tokenizer.Decode(ids); };
  EXPECT_EQ(decode({kBos, 259, 259, kEos}), "a a");
  EXPECT_EQ(decode({260, 259}), " a");
  EXPECT_EQ(decode({3 + 'x', 259}), "x a");
  EXPECT_EQ(decode({259, kUnk, 259}), "a ⁇  a");
  EXPECT_EQ(decode({3 + 0xE2, 3 + 0x82, 3 + 0xAC}), "€");
  EXPECT_EQ(decode({3 + 0xE2, 3 + 0x82, 259}), "�� a");
  EXPECT_EQ(decode({3 + 0xE2, kEos, 3 + 0x82, 3 + 0xAC}), "���");
  EXPECT_EQ(decode({259, 99999, -1}), "a");
}

TEST(TokenizerTokenText, IsAsInOpenAisLogprobs) {
  ModelProto model = BareModel(/*byte_fallback=*/true);
  AddPiece(model, "▁the▁");  // 259
  const Tokenizer tokenizer = MakeTokenizer(model);
  EXPECT_EQ(tokenizer.TokenText(259), " the ");
  EXPECT_EQ(tokenizer.TokenText(3 + '\n'), "\n");
  EXPECT_EQ(tokenizer.TokenText(3 + 0xE2), "bytes:\\xe2");
  EXPECT_EQ(tokenizer.TokenText(kEos), "</s>");
  EXPECT_EQ(tokenizer.TokenText(260), "token_id:260");
  EXPECT_EQ(tokenizer.Piece(259), "▁the▁");
  EXPECT_EQ(tokenizer.Piece(3 + 0xE2), "<0xE2>");
}

}  // namespace
}  // namespace octet
