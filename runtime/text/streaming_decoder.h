// A decoder that returns text while tokens arrive.

#ifndef OCTET_RUNTIME_TEXT_STREAMING_DECODER_H_
#define OCTET_RUNTIME_TEXT_STREAMING_DECODER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/text/tokenizer.h"

namespace octet {

// Whether special tokens ("</s>") decode to nothing or to their spellings. Other added tokens are
// always shown.
enum class SpecialTokens { kSkip, kKeep };

// A decoder that returns the text of each token as soon as it is certain, and never a part of a
// character. All results of Add and Finish together are Tokenizer::Decode of the prompt and the
// tokens, without the text of the prompt alone.
class StreamingDecoder {
 public:
  // `tokenizer` must outlive this object. With an empty `prompt`, or one of special tokens only,
  // the tokens begin a text: the space in front is removed, as Decode does.
  explicit StreamingDecoder(const Tokenizer& tokenizer, std::span<const int32_t> prompt = {},
                            SpecialTokens special_tokens = SpecialTokens::kSkip);

  // Returns the text that became certain with this token. It is empty while bytes of a character
  // are missing.
  std::string Add(int32_t id);

  // Returns the bytes of an unfinished character, each as U+FFFD.
  std::string Finish();

  // Returns whether the next token begins a text, and so may lose its space.
  bool at_start() const { return at_start_; }

 private:
  std::string TakeCharacters(bool no_more_bytes);
  std::string TextOf(int32_t id);

  const Tokenizer& tokenizer_;
  SpecialTokens special_tokens_;
  std::string bytes_;     // of a character that may still be finished
  bool at_start_ = true;  // nothing visible yet: the next piece may lose its space
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_STREAMING_DECODER_H_
