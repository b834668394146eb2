// The tokens that are found in a text before its pieces.

#ifndef OCTET_RUNTIME_TEXT_ADDED_TOKENS_H_
#define OCTET_RUNTIME_TEXT_ADDED_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/rendered_text.h"
#include "runtime/text/symbol_trie.h"

namespace octet {

// A token with its flags, as Hugging Face's tokenizers have them.
struct AddedToken {
  std::string content;       // its spelling, UTF-8
  int32_t id = -1;           // -1 if not stated
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool single_word = false;  // only if no word continues before or after it
  bool normalized = true;    // found in the normalized text, not in the original one
  bool special = false;      // hidden from readers

  bool operator==(const AddedToken&) const = default;
};

// A finder that cuts a text at tokens, as Hugging Face's tokenizers do: the leftmost token first,
// and the longest of those that begin at one place.
class AddedTokenFinder {
 public:
  // Each token must have an id and a spelling that is not empty.
  explicit AddedTokenFinder(std::vector<AddedToken> tokens = {});

  // A stretch of a text: a token, or text between tokens.
  struct Stretch {
    int32_t id = -1;  // -1 for text
    size_t begin = 0;
    size_t end = 0;
  };

  // Returns the stretches of `text` from its beginning to its end; none is empty. A spelling that
  // overlaps one of the ranges `from_outside` of `text` is no token.
  std::vector<Stretch> Split(std::string_view text,
                             std::span<const RenderedText::Range> from_outside) const;

  bool empty() const { return tokens_.empty(); }

 private:
  class Splitter;

  std::vector<AddedToken> tokens_;
  SymbolTrie spellings_;  // of indices in tokens_
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_ADDED_TOKENS_H_
