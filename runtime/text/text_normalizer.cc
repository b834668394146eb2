#include "runtime/text/text_normalizer.h"

#include <utility>

#include "runtime/io/utf8.h"
#include "runtime/text/vocabulary.h"

namespace octet {

TextNormalizer::TextNormalizer(const NormalizerOptions& options, SymbolTrie user_defined)
    : options_(options),
      user_defined_(std::move(user_defined)),
      space_(options.escape_whitespaces ? kSpaceSymbol : " ") {}

// Returns the first unit of normalization: a user-defined symbol, a character, or a byte that is
// part of none.
TextNormalizer::Unit TextNormalizer::FirstUnit(std::string_view text) const {
  size_t size = user_defined_.LongestPrefix(text).size;
  if (size == 0) size = FirstUtf8Char(text).size;
  if (size == 0) return {kReplacementCharacter, 1};
  return {text.substr(0, size), size};
}

void TextNormalizer::Append(std::string_view unit, std::string& normalized) const {
  for (const char byte : unit) {
    if (byte == ' ') {
      normalized += space_;
    } else {
      normalized += byte;
    }
  }
}

std::string TextNormalizer::Normalize(std::string_view text) const {
  const bool remove_spaces = options_.remove_extra_whitespaces;
  while (remove_spaces && FirstUnit(text).text == " ") text.remove_prefix(1);
  if (text.empty()) return "";

  std::string normalized;
  normalized.reserve(text.size() + text.size() / 2);
  if (options_.add_dummy_prefix && !options_.treat_whitespace_as_suffix) normalized += space_;
  bool after_space = remove_spaces;
  while (!text.empty()) {
    Unit unit = FirstUnit(text);
    text.remove_prefix(unit.size);
    while (after_space && unit.text.starts_with(' ')) unit.text.remove_prefix(1);
    if (unit.text.empty()) continue;
    Append(unit.text, normalized);
    after_space = remove_spaces && unit.text.ends_with(' ');
  }
  while (remove_spaces && normalized.ends_with(space_)) {
    normalized.resize(normalized.size() - space_.size());
  }
  if (options_.add_dummy_prefix && options_.treat_whitespace_as_suffix) normalized += space_;
  return normalized;
}

}  // namespace octet
