// The tokenizer beside SentencePiece's own programs: the same ids and the same text, byte for byte.

#include <absl/strings/str_join.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "launch/inspect/tokenize.h"
#include "runtime/io/file.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/demo_model.h"
#include "tests/support/oracle.h"
#include "tests/support/sanitized.h"
#include "tests/support/sentencepiece_model.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using sentencepiece::ModelProto;

std::string TempPath(const std::string& name) {
  return testing::TempDir() + "/tokenizer_spm_" + std::to_string(getpid()) + "_" + name;
}

// What a shell command writes to its standard output. A failure names the Debian package that the
// command is from.
std::string OutputOf(const std::string& command, const std::string& package) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  std::array<char, 65536> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), n);
  const int status = pclose(pipe);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << command << " failed; is it there? apt-get install " << package;
  return output;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t size = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return lines;
}

void ExpectIdsOfSpmEncode(const std::string& model_path, const std::string& text) {
  const std::string text_path = TempPath("text");
  WriteFile(text_path, text);
  const std::string expected = OutputOf(
      "spm_encode --model=" + model_path + " --output_format=id < " + text_path, "sentencepiece");
  std::istringstream in(text);
  std::ostringstream out;
  ASSERT_TRUE(TokenizeLines(LoadTokenizerOrDie(model_path), Spelling::kText, in, out).ok());
  const std::string ids = out.str();
  if (ids == expected) return;
  const auto our_lines = SplitLines(ids);
  const auto spm_lines = SplitLines(expected);
  const auto text_lines = SplitLines(text);
  ASSERT_EQ(our_lines.size(), spm_lines.size());
  for (size_t i = 0; i < our_lines.size(); ++i) {
    ASSERT_EQ(our_lines[i], spm_lines[i])
        << model_path << ", line " << i + 1 << ": " << text_lines[i].substr(0, 500);
  }
}

// Lines of random ids, decoded by both. Each line has at least one id: spm_decode reads an empty
// one as id 0.
void ExpectTextOfSpmDecode(const std::string& model_path, int num_lines, std::mt19937& random) {
  const Tokenizer tokenizer = LoadTokenizerOrDie(model_path);
  std::string id_lines;
  std::string decoded;
  for (int line = 0; line < num_lines; ++line) {
    std::vector<int32_t> ids(1 + random() % 12);
    for (int32_t& id : ids) {
      const int32_t range = random() % 2 == 0
                                ? 260
                                : tokenizer.vocab_size();  // control and byte pieces half the time
      id = static_cast<int32_t>(random() % std::min(range, tokenizer.vocab_size()));
    }
    id_lines += absl::StrJoin(ids, " ") + "\n";
    decoded += tokenizer.Decode(ids) + "\n";
  }
  const std::string path = TempPath("ids");
  WriteFile(path, id_lines);
  ASSERT_EQ(decoded, OutputOf("spm_decode --model=" + model_path + " --input_format=id < " + path,
                              "sentencepiece"));
}

// The first `bytes` of a language's man pages, as they are: troff with lines in that language.
std::string ManPages(const std::string& language, const std::string& package, int bytes) {
  const std::string directory = "/usr/share/man/" + language;
  std::string text = OutputOf(
      "find " + directory +
          " -type f -name '*.gz' -print0 | sort -z | xargs -0 zcat 2>/dev/null | head -c " +
          std::to_string(bytes),
      package);
  EXPECT_EQ(text.size(), bytes) << directory << " has too few pages; apt-get install " << package;
  return text;
}

std::string ScriptsOfTheWorld() {
  constexpr int kBytes = 1 << 20;
  return ManPages("ja", "manpages-ja", kBytes) + "\n" + ManPages("ru", "manpages-ru", kBytes) +
         "\n" + ManPages("zh_CN", "manpages-zh", kBytes) + "\n" +
         ManPages("zh_TW", "manpages-zh", kBytes) + "\n";
}

std::string RandomCodePoint(std::mt19937& random) {
  constexpr std::array<uint32_t, 6> kLimits = {0x80, 0x250, 0x800, 0x3100, 0x10000, 0x110000};
  const uint32_t c = static_cast<uint32_t>(random()) % kLimits[random() % kLimits.size()];
  if (c < 0x80) return c == '\n' ? " " : std::string(1, static_cast<char>(c));
  const auto trail = [c](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), trail(0)};
  if (c < 0x10000)
    return {static_cast<char>(0xE0 | c >> 12), trail(6), trail(0)};  // surrogates too
  return {static_cast<char>(0xF0 | c >> 18), trail(12), trail(6), trail(0)};
}

std::string NastyText(size_t bytes, std::mt19937& random) {
  const std::vector<std::string> bits = {" ",
                                         "  ",
                                         "          ",
                                         "\t",
                                         "\n",
                                         "\n\n",
                                         "\r\n",
                                         "▁",
                                         "▁▁",
                                         "▁ ▁",
                                         "<s>",
                                         "</s>",
                                         "<unk>",
                                         "��",
                                         "\x7F",
                                         "\x01\x02",
                                         "<0x0A>",
                                         "0",
                                         "the",
                                         " the ",
                                         "ing ",
                                         "😀👩‍👩‍👧‍👦",
                                         "e\u0301",
                                         "\u3000",
                                         "한국어",
                                         "ไทย",
                                         "العربية",
                                         "\xE2\x96",
                                         "\xE2",
                                         "\x81",
                                         "\xC0\x80",
                                         "\xED\xA0\x80",
                                         "\xF8\x88\x80\x80\x80",
                                         "aaaaaaaaaaaaaaaa"};
  std::string text;
  while (text.size() < bytes) {
    switch (random() % 3) {
      case 0:
        text += RandomCodePoint(random);
        break;
      case 1:
        text += bits[random() % bits.size()];
        break;
      default:
        text += static_cast<char>(random() % 8 == 0 ? 1 + random() % 255 : 'a' + random() % 26);
    }
  }
  return text;
}

// A few lines, each of them long: without spaces, of spaces, of one letter, of words.
std::string LongLines(size_t bytes, std::mt19937& random) {
  std::string letters;
  std::string words;
  while (words.size() < bytes) {
    letters += static_cast<char>('a' + random() % 26);
    words += letters.back();
    if (random() % 6 == 0) words += ' ';
  }
  return letters + "\n" + std::string(bytes, ' ') + "\n" + std::string(bytes, 'a') + "\n" + words +
         "\n";
}

std::string DemoModel() { return OCTET_SOURCE_DIR "/launch/demo/model/tokenizer.model"; }

std::optional<std::string> MixtralModel() { return OraclePath("tokenizer/tokenizer.model.v1"); }

void ExpectNastyTextAlike(const std::string& model_path) {
  std::mt19937 random(2);
  ExpectIdsOfSpmEncode(model_path, NastyText(size_t{1} << 19, random));
  ExpectIdsOfSpmEncode(model_path, LongLines(size_t{1} << 17, random));
  ExpectTextOfSpmDecode(model_path, 5000, random);
}

TEST(DemoVocabulary, EncodesTheManPagesAsSpmEncode) {
  ExpectIdsOfSpmEncode(DemoModel(), ScriptsOfTheWorld());
}

TEST(DemoVocabulary, EncodesAndDecodesNastyTextAsSentencePiece) {
  ExpectNastyTextAlike(DemoModel());
}

TEST(MixtralVocabulary, EncodesTheManPagesAsSpmEncode) {
  OCTET_SKIP_WITHOUT_ORACLE(MixtralModel(), "the man pages with Mixtral's own vocabulary");
  ExpectIdsOfSpmEncode(*MixtralModel(), ScriptsOfTheWorld());
}

TEST(MixtralVocabulary, EncodesAndDecodesNastyTextAsSentencePiece) {
  OCTET_SKIP_WITHOUT_ORACLE(MixtralModel(), "nasty text with Mixtral's own vocabulary");
  ExpectNastyTextAlike(*MixtralModel());
}

TEST(MixtralVocabulary, EncodesEnglishAsSpmEncode) {
  OCTET_SKIP_WITHOUT_ORACLE(MixtralModel(),
                            "the English texts, with Mixtral's and the demo vocabulary");
  PosixFileSystem files;
  const auto bible = files.ReadWhole(*OraclePath("text/kjv_bible_plain.txt"));
  ASSERT_TRUE(bible.ok()) << bible.status();
  const std::string text = bible->substr(0, kSanitized ? 1 << 18 : 2 << 20);
  ExpectIdsOfSpmEncode(*MixtralModel(), text);
  ExpectIdsOfSpmEncode(DemoModel(), text);
}

TEST(MixtralVocabulary, GivesTheSavedIdsOfTheSample) {
  OCTET_SKIP_WITHOUT_ORACLE(MixtralModel(), "tokenizer/sample_en.ids");
  PosixFileSystem files;
  const auto ids = files.ReadWhole(*OraclePath("tokenizer/sample_en.ids"));
  ASSERT_TRUE(ids.ok()) << ids.status();
  std::ifstream in(*OraclePath("tokenizer/sample_en.txt"));
  std::ostringstream out;
  ASSERT_TRUE(TokenizeLines(LoadTokenizerOrDie(*MixtralModel()), Spelling::kText, in, out).ok());
  EXPECT_EQ(out.str(), *ids);
}

const std::vector<std::string>& Alphabet() {
  static const std::vector<std::string> alphabet = {"a", "b",  "c", "▁",  " ",
                                                    "é", "あ", "😀", "\t", "�"};
  return alphabet;
}

std::string RandomString(size_t max_characters, size_t num_letters, std::mt19937& random) {
  std::string text;
  for (size_t size = 1 + random() % max_characters; size > 0; --size)
    text += Alphabet()[random() % num_letters];
  return text;
}

// A model of all the kinds of pieces and flags, with many equal scores. With few letters there are
// many ways to merge the same piece.
ModelProto RandomModel(size_t num_letters, std::mt19937& random) {
  const auto coin = [&] { return random() % 2 == 0; };
  ModelProto model = BareModel(/*byte_fallback=*/coin());
  model.mutable_trainer_spec()->set_treat_whitespace_as_suffix(random() % 4 == 0);
  auto& normalizer = *model.mutable_normalizer_spec();
  normalizer.set_add_dummy_prefix(coin());
  normalizer.set_remove_extra_whitespaces(coin());
  normalizer.set_escape_whitespaces(random() % 4 != 0);
  const bool with_unused = coin();
  const bool with_user_defined = coin();
  std::vector<std::string> seen;
  const auto add = [&](const std::string& text, float score) {
    if (std::find(seen.begin(), seen.end(), text) != seen.end()) return;
    seen.push_back(text);
    PieceProto::Type type = PieceProto::NORMAL;
    if (with_unused && random() % 4 == 0) type = PieceProto::UNUSED;
    if (with_user_defined && random() % 8 == 0) type = PieceProto::USER_DEFINED;
    AddPiece(model, text, score, type);
  };
  for (const std::string& character : Alphabet()) {
    if (random() % 4 != 0) add(character, -100);
  }
  const size_t num_scores = coin() ? 3 : 1000;
  for (int i = 0; i < 40; ++i) {
    const bool joined = coin() && !seen.empty();
    const std::string text = joined ? seen[random() % seen.size()] + seen[random() % seen.size()]
                                    : RandomString(4, num_letters, random);
    add(text, -static_cast<float>(random() % num_scores));
  }
  return model;
}

TEST(RandomVocabularies, EncodeAndDecodeAsSentencePiece) {
  std::mt19937 random(3);
  const std::string model_path = TempPath("model");
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const size_t num_letters = round % 2 == 0 ? 2 : Alphabet().size();
    const ModelProto model = RandomModel(num_letters, random);
    WriteFile(model_path, model.SerializeAsString());
    std::string text;
    for (int line = 0; line < 300; ++line) {
      text += RandomString(30, num_letters, random);
      if (random() % 4 == 0) text += NastyText(5, random);
      text += "\n";
    }
    ExpectIdsOfSpmEncode(model_path, text);
    ExpectTextOfSpmDecode(model_path, 300, random);
  }
}

}  // namespace
}  // namespace octet
