// Letter case and whitespace of text, as in Python's str. Origins are kept.

#ifndef OCTET_RUNTIME_TEXT_JINJA_CASE_H_
#define OCTET_RUNTIME_TEXT_JINJA_CASE_H_

#include <optional>
#include <string_view>

#include "runtime/text/jinja/text.h"

namespace octet::jinja {

Text Upper(const Text& text);
Text Lower(const Text& text);
Text Capitalized(const Text& text);
Text Titled(const Text& text);       // like str.title
Text CaseSwapped(const Text& text);  // like str.swapcase

enum class Sides { kBoth, kLeft, kRight };

// Returns the text without the code points of `characters`, or without whitespace, at its sides.
Text Stripped(const Text& text, std::optional<std::string_view> characters, Sides sides);

// Returns whether there is a letter of this case and none of the other case.
bool IsLower(std::string_view text);
bool IsUpper(std::string_view text);

// Returns whether there is a code point, and each has one of `properties` (UnicodeProperty).
bool AllHave(std::string_view text, unsigned properties);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_CASE_H_
