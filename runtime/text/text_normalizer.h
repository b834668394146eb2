// The normalization of a user's text to the text that pieces are made of.

#ifndef OCTET_RUNTIME_TEXT_TEXT_NORMALIZER_H_
#define OCTET_RUNTIME_TEXT_TEXT_NORMALIZER_H_

#include <string>
#include <string_view>

#include "runtime/text/symbol_trie.h"

namespace octet {

// SentencePiece's `normalizer_spec` without a character map.
struct NormalizerOptions {
  bool add_dummy_prefix = true;             // "a" is read as " a"
  bool remove_extra_whitespaces = true;     // leading, trailing and repeated spaces
  bool escape_whitespaces = true;           // a space becomes U+2581
  bool treat_whitespace_as_suffix = false;  // the dummy prefix is at the end
};

// A normalizer that makes valid UTF-8 of any bytes: each byte that is part of no character becomes
// U+FFFD.
class TextNormalizer {
 public:
  TextNormalizer(const NormalizerOptions& options, SymbolTrie user_defined);

  // Normalizes `text`. The result is empty if `text` is empty or has only removed spaces.
  std::string Normalize(std::string_view text) const;

  const NormalizerOptions& options() const { return options_; }

 private:
  struct Unit {
    std::string_view text;
    size_t size;  // bytes of the input
  };
  Unit FirstUnit(std::string_view text) const;
  void Append(std::string_view unit, std::string& normalized) const;

  NormalizerOptions options_;
  SymbolTrie user_defined_;
  std::string_view space_;  // the form of a space
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TEXT_NORMALIZER_H_
