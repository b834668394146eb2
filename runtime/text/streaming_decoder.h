// Text as tokens come.

#ifndef OCTET_RUNTIME_TEXT_STREAMING_DECODER_H_
#define OCTET_RUNTIME_TEXT_STREAMING_DECODER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/text/tokenizer.h"

namespace octet {

// Special tokens ("</s>") read as nothing or, when kept, as their spellings. Other added tokens are
// always shown.
enum class SpecialTokens { kSkip, kKeep };

// Gives the text of each token as soon as it is certain, and never a part of a character. All that
// Add and Finish give is together what Tokenizer::Decode gives for prompt and tokens, less what the
// prompt alone gives.
class StreamingDecoder {
 public:
  // `tokenizer` must live longer. With an empty `prompt`, or one of special tokens only, the tokens
  // begin a text: the space in front is taken away, as Decode does.
  explicit StreamingDecoder(const Tokenizer& tokenizer, std::span<const int32_t> prompt = {},
                            SpecialTokens special_tokens = SpecialTokens::kSkip);

  // The text that became certain with the next token; empty while bytes of a character are missing.
  std::string Add(int32_t id);

  // The bytes of a character that was never finished, each as U+FFFD.
  std::string Finish();

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
