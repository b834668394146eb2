#include "tests/fuzz/support.h"

#include <algorithm>

#include "kernels/base/check.h"
#include "runtime/io/file.h"
#include "runtime/io/utf8.h"

namespace octet::fuzz {

void CheckMessage(std::string_view message) {
  constexpr size_t kMostBytes = 2000;
  OCTET_CHECK(!message.empty());
  OCTET_CHECK(message.size() <= kMostBytes)
      << message.size() << " bytes: " << message.substr(0, 200);
  OCTET_CHECK(IsUtf8(message)) << message;
  OCTET_CHECK(std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < ' '; }))
      << message;
}

void CheckError(const absl::Status& status) {
  CheckMessage({status.message().data(), status.message().size()});
}

std::vector<std::string> SplitTexts(const std::string& bytes, size_t most) {
  constexpr std::string_view kBetween = "\n---\n";
  std::vector<std::string> texts;
  size_t begin = 0;
  while (texts.size() + 1 < most) {
    const size_t end = bytes.find(kBetween, begin);
    if (end == std::string::npos) break;
    texts.push_back(bytes.substr(begin, end - begin));
    begin = end + kBetween.size();
  }
  texts.push_back(bytes.substr(begin));
  return texts;
}

const Tokenizer& DemoTokenizer() {
  static const Tokenizer* const kTokenizer = [] {
    PosixFileSystem files;
    auto tokenizer = LoadTokenizerFor(files, OCTET_SOURCE_DIR "/launch/demo/model");
    OCTET_CHECK(tokenizer.ok()) << tokenizer.status();
    return new Tokenizer(*std::move(tokenizer));
  }();
  return *kTokenizer;
}

void TryTokenizer(const Tokenizer& tokenizer) {
  for (const std::string_view text : {"", " a  b\n", "<s>ab <unk>\xE2\x96\x81</s> abc",
                                      "\xFF\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80"}) {
    for (const auto& ids : {tokenizer.Encode(text), tokenizer.EncodePrompt(text, true)}) {
      for (const int32_t id : ids) OCTET_CHECK(id >= 0 && id < tokenizer.vocab_size()) << id;
      OCTET_CHECK(tokenizer.MostBytes(std::ssize(ids)) >= text.size()) << text;
      OCTET_CHECK(IsUtf8(tokenizer.Decode(ids))) << text;
    }
  }
  const int32_t size = tokenizer.vocab_size();
  for (const int32_t id : {0, 1, size / 2, size - 1, size}) tokenizer.TokenText(id);
  for (const std::string& note : tokenizer.notes()) CheckMessage(note);
}

}  // namespace octet::fuzz
