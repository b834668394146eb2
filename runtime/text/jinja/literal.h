// Numbers and strings as a template spells them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LITERAL_H_
#define OCTET_RUNTIME_TEXT_JINJA_LITERAL_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octet::jinja {

// How many bytes of `text`, from its beginning, spell a float or an integer; 0 for none.
size_t FloatLiteralSize(std::string_view text);
size_t IntegerLiteralSize(std::string_view text);

// The value of a literal, or of what Python's int() takes in `base` (0, 2 to 36; 0 goes by the
// prefix). Nothing where it is none, or beyond int64: then `overflow` is set.
std::optional<int64_t> ParsePythonInt(std::string_view text, int base, bool& overflow);

// What Python's float() takes: digits, exponent, inf, nan; underscores between digits.
std::optional<double> ParsePythonFloat(std::string_view text);

// What stands between the quotes, with Python's escapes resolved. Errors say what is wrong.
absl::StatusOr<std::string> UnescapeString(std::string_view text);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_LITERAL_H_
