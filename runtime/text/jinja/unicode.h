// What Python's str methods know of a code point.

#ifndef OCTET_RUNTIME_TEXT_JINJA_UNICODE_H_
#define OCTET_RUNTIME_TEXT_JINJA_UNICODE_H_

#include <string>
#include <string_view>

namespace octet::jinja {

// Bits of PropertiesOf(): the tests of Python's str that have these names.
enum UnicodeProperty : unsigned {
  kIsAlpha = 1,
  kIsDecimal = 2,
  kIsDigit = 4,
  kIsNumeric = 8,
  kIsSpace = 16,
  kIsLower = 32,
  kIsUpper = 64,
  kIsPrintable = 128,
  kIsTitle = 256,            // category Lt
  kIsCaseIgnorable = 512,    // looked past when the form of a sigma is decided
  kIsAlnum = 1 + 2 + 4 + 8,  // any of them
  kIsCased = 32 + 64 + 256,  // any of them
};

enum class LetterCase { kUpper, kLower, kTitle };

// Unicode 14, as Python 3.11.
unsigned PropertiesOf(char32_t code_point);

// Adds `code_point` in another case to `text`, which may take up to three code points.
void AppendInCase(char32_t code_point, LetterCase letter_case, std::string& text);

void AppendUtf8(char32_t code_point, std::string& text);

// The code point at `position` of well-formed UTF-8; moves `position` behind it.
char32_t NextCodePoint(std::string_view text, size_t& position);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_UNICODE_H_
