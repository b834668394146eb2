// The characters of words, and those of white space.

#ifndef OCTET_RUNTIME_TEXT_WORD_CHARACTER_H_
#define OCTET_RUNTIME_TEXT_WORD_CHARACTER_H_

namespace octet {

// Returns whether "\w" matches in regular expressions over Unicode (UTS 18, annex C).
bool IsWordCharacter(char32_t c);

// Returns whether "\s" matches: the property White_Space.
bool IsUnicodeSpace(char32_t c);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_WORD_CHARACTER_H_
