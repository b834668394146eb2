// The steps between a text and the words that merges see.

#ifndef OCTET_RUNTIME_TEXT_TEXT_PIPELINE_H_
#define OCTET_RUNTIME_TEXT_TEXT_PIPELINE_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/text/symbol_trie.h"
#include "runtime/text/text_normalizer.h"

namespace octet {

// A text, and the origin of each of its bytes.
struct NormalizedText {
  std::string text;             // UTF-8
  std::vector<size_t> origins;  // [text.size()] offsets in the original text; empty unless tracked
};

// The normalizer and the pre-tokenizer of a tokenizer.json, or SentencePiece's normalizer.
class TextPipeline {
 public:
  // Puts `text` in front of a text that is not empty.
  struct Prepend {
    std::string text;
  };
  // Replaces each `from` by `to`, or only the one at the very beginning.
  struct Replace {
    std::string from;
    std::string to;
    bool at_start = false;
  };
  using NormalizerStep = std::variant<Prepend, Replace>;

  // Writes spaces as `replacement`, and puts one in front of a text that does not begin with one.
  struct Metaspace {
    enum class Scheme {
      kAlways,
      kFirst,
      kNever
    };  // kFirst: only at the beginning of the whole text
    std::string replacement;
    Scheme scheme = Scheme::kAlways;
    bool split = true;  // each replacement begins a word
  };
  // Makes a word of each of these symbols.
  struct Isolate {
    SymbolTrie symbols;
  };
  using PreTokenizerStep = std::variant<Metaspace, Isolate>;

  TextPipeline(std::vector<NormalizerStep> normalizer, std::vector<PreTokenizerStep> pre_tokenizer);
  TextPipeline(TextNormalizer normalizer, std::vector<PreTokenizerStep> pre_tokenizer);

  // Normalizes a text, and makes valid UTF-8 of any bytes. Tracks origins on demand, but only for
  // the steps of a tokenizer.json.
  NormalizedText Normalize(std::string_view text, bool track_origins) const;

  // Calls `visit` with the words of a stretch of normalized text, in order. at_start: the whole
  // text begins with this stretch.
  void ForEachWord(std::string_view normalized, bool at_start,
                   const std::function<void(std::string_view)>& visit) const;

 private:
  std::optional<TextNormalizer> sentencepiece_;
  std::vector<NormalizerStep> normalizer_;
  std::vector<PreTokenizerStep> pre_tokenizer_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TEXT_PIPELINE_H_
