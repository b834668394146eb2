// Which characters words and the space between them are made of.

#ifndef OCTET_RUNTIME_TEXT_WORD_CHARACTER_H_
#define OCTET_RUNTIME_TEXT_WORD_CHARACTER_H_

namespace octet {

// What "\w" matches in regular expressions over Unicode (UTS 18, annex C).
bool IsWordCharacter(char32_t c);

// What "\s" matches: the property White_Space.
bool IsUnicodeSpace(char32_t c);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_WORD_CHARACTER_H_
