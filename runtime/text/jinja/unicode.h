// The properties of a code point that Python's str methods use.

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
  kIsCaseIgnorable = 512,    // ignored in the choice of a sigma's form
  kIsAlnum = 1 + 2 + 4 + 8,  // any of them
  kIsCased = 32 + 64 + 256,  // any of them
};

enum class LetterCase { kUpper, kLower, kTitle };

// Returns the properties by Unicode 14, as in Python 3.11.
unsigned PropertiesOf(char32_t code_point);

// Appends `code_point` in another case to `text`, as up to three code points.
void AppendInCase(char32_t code_point, LetterCase letter_case, std::string& text);

// Returns the code point at `position` of well-formed UTF-8, and moves `position` after it.
char32_t NextCodePoint(std::string_view text, size_t& position);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_UNICODE_H_
