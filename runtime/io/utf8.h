// UTF-8, one character at a time.

#ifndef OCTET_RUNTIME_IO_UTF8_H_
#define OCTET_RUNTIME_IO_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace octet {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Char {
  char32_t code_point = 0;
  size_t size = 0;  // bytes; 0 if the text does not begin with a whole, well-formed character
};

// Returns the character that `text` begins with. Overlong forms, surrogates and code points above
// U+10FFFF are malformed.
Utf8Char FirstUtf8Char(std::string_view text);

// Returns whether `text`, in which FirstUtf8Char finds no character, may become one when more bytes
// follow.
bool MayBecomeUtf8Char(std::string_view text);

bool IsUtf8(std::string_view text);

void AppendUtf8(char32_t code_point, std::string& text);

// Returns `place`, or the beginning of the character of `text` that would be cut there.
size_t BeginOfChar(std::string_view text, size_t place);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_UTF8_H_
