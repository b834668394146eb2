#include "runtime/text/streaming_decoder.h"

#include <algorithm>

#include "runtime/io/utf8.h"

namespace octet {

StreamingDecoder::StreamingDecoder(const Tokenizer& tokenizer, std::span<const int32_t> prompt,
                                   SpecialTokens special_tokens)
    : tokenizer_(tokenizer), special_tokens_(special_tokens) {
  for (const int32_t id : prompt) Add(id);
}

std::string StreamingDecoder::Add(int32_t id) {
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  std::string text;
  if (id >= 0 && id < tokenizer_.vocab_size() && vocabulary.types[id] == PieceType::kByte) {
    bytes_ += static_cast<char>(ByteOfPiece(vocabulary.pieces[id]));
    text = TakeCharacters(/*no_more_bytes=*/false);
  } else {
    text = Finish();
    text += TextOf(id);
  }
  if (!text.empty()) at_start_ = false;
  return text;
}

std::string StreamingDecoder::Finish() {
  std::string text = TakeCharacters(/*no_more_bytes=*/true);
  if (!text.empty()) at_start_ = false;
  return text;
}

// Takes the certain text from bytes_: whole characters, and U+FFFD for each byte that is part of
// none.
std::string StreamingDecoder::TakeCharacters(bool no_more_bytes) {
  std::string text;
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const size_t size = FirstUtf8Char(rest).size;
    if (size == 0 && !no_more_bytes && MayBecomeUtf8Char(rest)) break;
    text += size == 0 ? kReplacementCharacter : rest.substr(0, size);
    rest.remove_prefix(std::max<size_t>(size, 1));
  }
  bytes_.erase(0, bytes_.size() - rest.size());
  return text;
}

// Returns the text of a token that is not a byte.
std::string StreamingDecoder::TextOf(int32_t id) {
  if (id < 0 || id >= tokenizer_.vocab_size()) return "";
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  if (vocabulary.types[id] == PieceType::kControl && special_tokens_ == SpecialTokens::kSkip) {
    return "";
  }
  if (vocabulary.types[id] == PieceType::kUnknown) return vocabulary.unk_surface;
  std::string_view piece = vocabulary.pieces[id];
  if (at_start_ && tokenizer_.takes_space() && piece.starts_with(kSpaceSymbol)) {
    piece.remove_prefix(kSpaceSymbol.size());
    // SentencePiece takes one dummy prefix, but any number of extra spaces.
    at_start_ = tokenizer_.takes_all_spaces();
  }
  return WithPlainSpaces(piece);
}

}  // namespace octet
