#include "runtime/text/jinja/case.h"

#include <algorithm>
#include <string>

#include "runtime/io/utf8.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

constexpr char32_t kSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

// Returns whether the sigma in the bytes [begin, end) is at the end of a word.
bool IsFinalSigma(std::string_view text, size_t begin, size_t end) {
  const auto look = [](char32_t code, bool& cased) {
    const unsigned properties = PropertiesOf(code);
    if ((properties & kIsCaseIgnorable) != 0) return true;
    cased = (properties & kIsCased) != 0;
    return false;
  };
  bool cased_behind = false;
  for (size_t at = end; at < text.size();) {
    if (!look(NextCodePoint(text, at), cased_behind)) break;
  }
  bool cased_before = false;
  while (begin > 0) {
    do {
      --begin;
    } while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
    size_t at = begin;
    if (!look(NextCodePoint(text, at), cased_before)) break;
  }
  return cased_before && !cased_behind;
}

// Returns each code point in the case that `choose` (code point, is first) returns.
template <typename Choose>
Text Mapped(const Text& text, Choose choose) {
  Text mapped;
  std::string character;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t code = NextCodePoint(text.view(), at);
    const LetterCase letter_case = choose(code, begin == 0);
    character.clear();
    if (letter_case == LetterCase::kLower && code == kSigma &&
        IsFinalSigma(text.view(), begin, at)) {
      AppendUtf8(kFinalSigma, character);
    } else {
      AppendInCase(code, letter_case, character);
    }
    mapped.Append(character, text.OutsideAt(begin));
  }
  return mapped;
}

bool IsInCase(std::string_view text, unsigned wanted) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const unsigned cased = PropertiesOf(NextCodePoint(text, at)) & kIsCased;
    if ((cased & ~wanted) != 0) return false;
    any = any || cased != 0;
  }
  return any;
}

}  // namespace

Text Upper(const Text& text) {
  return Mapped(text, [](char32_t, bool) { return LetterCase::kUpper; });
}

Text Lower(const Text& text) {
  return Mapped(text, [](char32_t, bool) { return LetterCase::kLower; });
}

Text Capitalized(const Text& text) {
  return Mapped(
      text, [](char32_t, bool first) { return first ? LetterCase::kTitle : LetterCase::kLower; });
}

Text Titled(const Text& text) {
  bool after_cased = false;
  return Mapped(text, [&](char32_t code, bool) {
    const LetterCase letter_case = after_cased ? LetterCase::kLower : LetterCase::kTitle;
    after_cased = (PropertiesOf(code) & kIsCased) != 0;
    return letter_case;
  });
}

Text CaseSwapped(const Text& text) {
  return Mapped(text, [](char32_t code, bool) {
    return (PropertiesOf(code) & kIsUpper) != 0 ? LetterCase::kLower : LetterCase::kUpper;
  });
}

Text Stripped(const Text& text, std::optional<std::string_view> characters, Sides sides) {
  std::u32string set;
  for (size_t at = 0; characters.has_value() && at < characters->size();) {
    set += NextCodePoint(*characters, at);
  }
  std::sort(set.begin(), set.end());
  const auto strips = [&](char32_t code) {
    return characters.has_value() ? std::binary_search(set.begin(), set.end(), code)
                                  : (PropertiesOf(code) & kIsSpace) != 0;
  };
  const std::string_view view = text.view();
  size_t begin = 0, end = view.size();
  for (size_t at = 0; sides != Sides::kRight && begin < end; begin = at) {
    if (!strips(NextCodePoint(view, at))) break;
  }
  while (sides != Sides::kLeft && end > begin) {
    size_t last = end - 1;
    while (last > begin && (static_cast<unsigned char>(view[last]) & 0xC0) == 0x80) --last;
    size_t at = last;
    if (!strips(NextCodePoint(view, at))) break;
    end = last;
  }
  return text.Part(begin, end);
}

bool IsLower(std::string_view text) { return IsInCase(text, kIsLower); }

bool IsUpper(std::string_view text) { return IsInCase(text, kIsUpper); }

bool AllHave(std::string_view text, unsigned properties) {
  for (size_t at = 0; at < text.size();) {
    if ((PropertiesOf(NextCodePoint(text, at)) & properties) == 0) return false;
  }
  return !text.empty();
}

}  // namespace octet::jinja
