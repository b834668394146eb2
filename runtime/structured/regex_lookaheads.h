// Conditions at the beginning of a regular expression.

#ifndef OCTET_RUNTIME_STRUCTURED_REGEX_LOOKAHEADS_H_
#define OCTET_RUNTIME_STRUCTURED_REGEX_LOOKAHEADS_H_

#include <string>
#include <string_view>
#include <vector>

namespace octet {

struct RegexPart {
  std::string regex;
  bool is_excluded = false;  // no match of it may be found
};

// Returns expressions without lookaheads, to be searched for, that say the same together: for
// "^(?!a)(?=b)c" these are "^c", not "^(?:a)", and "^(?:b)". Returns the expression itself if it
// does not begin with a lookahead, or stays unclear.
std::vector<RegexPart> SplitLookaheads(std::string_view regex);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_REGEX_LOOKAHEADS_H_
