// UTF-8, one character at a time.

#ifndef OCTET_RUNTIME_IO_UTF8_H_
#define OCTET_RUNTIME_IO_UTF8_H_

#include <cstddef>
#include <string_view>

namespace octet {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

struct Utf8Char {
  char32_t code_point = 0;
  size_t size =
      0;  // bytes; 0 where the text is empty or does not begin with a whole, well-formed character
};

// The character that `text` begins with. Overlong forms, surrogates and code points above U+10FFFF
// are malformed.
Utf8Char FirstUtf8Char(std::string_view text);

// Whether `text`, in which FirstUtf8Char finds no character, may become one when more bytes follow.
bool MayBecomeUtf8Char(std::string_view text);

bool IsUtf8(std::string_view text);

// `place`, or a little before it where a character of `text` would be cut there.
size_t BeginOfChar(std::string_view text, size_t place);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_UTF8_H_
