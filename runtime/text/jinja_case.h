// Letter case and whitespace of text, as Python's str has them. Origins are kept.

#ifndef OCTET_RUNTIME_TEXT_JINJA_CASE_H_
#define OCTET_RUNTIME_TEXT_JINJA_CASE_H_

#include <optional>
#include <string_view>

#include "runtime/text/jinja_text.h"

namespace octet {

JinjaText Upper(const JinjaText& text);
JinjaText Lower(const JinjaText& text);
JinjaText Capitalized(const JinjaText& text);
JinjaText Titled(const JinjaText& text);       // as str.title
JinjaText CaseSwapped(const JinjaText& text);  // as str.swapcase

enum class Sides { kBoth, kLeft, kRight };

// Without the code points of `characters`, or without whitespace, at its sides.
JinjaText Stripped(const JinjaText& text, std::optional<std::string_view> characters, Sides sides);

// Whether there is a cased letter and none of the other case.
bool IsLower(std::string_view text);
bool IsUpper(std::string_view text);

// Whether each code point has one of `properties` (UnicodeProperty), and there is one.
bool AllHave(std::string_view text, unsigned properties);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_CASE_H_
