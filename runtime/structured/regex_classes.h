// The classes of characters that regular expressions name.

#ifndef OCTET_RUNTIME_STRUCTURED_REGEX_CLASSES_H_
#define OCTET_RUNTIME_STRUCTURED_REGEX_CLASSES_H_

#include <optional>

#include "runtime/structured/code_points.h"

namespace octet {

// The least and the most that a class may contain, over the dialects of regular expressions. A
// class is used where its characters must be in all of them, and its complement where they must be
// in none.
struct RegexClass {
  CodePoints least;
  CodePoints most;
};

// Returns the class of \d, \D, \w, \W, \s or \S, by its letter; nullopt for another letter.
std::optional<RegexClass> NamedRegexClass(char32_t letter);

// Returns the class of ".".
RegexClass AnyButLineEnds();

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_REGEX_CLASSES_H_
