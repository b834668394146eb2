// The numbers and strings in a template's source.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LITERAL_H_
#define OCTET_RUNTIME_TEXT_JINJA_LITERAL_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace octet::jinja {

// Return the number of bytes at the beginning of `text` that spell a float or an integer; 0 if none
// do.
size_t FloatLiteralSize(std::string_view text);
size_t IntegerLiteralSize(std::string_view text);

// Returns the value of a literal, or of a text for Python's int() in `base` (0, 2 to 36; 0 goes by
// the prefix). Returns nullopt if it is none, or is beyond int64: then `overflow` is set.
std::optional<int64_t> ParsePythonInt(std::string_view text, int base, bool& overflow);

// Parses the texts of Python's float(): digits, exponent, inf, nan; underscores between digits.
std::optional<double> ParsePythonFloat(std::string_view text);

// Returns the text between the quotes with Python's escapes resolved. Errors say what is wrong.
absl::StatusOr<std::string> UnescapeString(std::string_view text);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_LITERAL_H_
