// Regular expressions as parts of a grammar.

#ifndef OCTET_RUNTIME_STRUCTURED_REGEX_H_
#define OCTET_RUNTIME_STRUCTURED_REGEX_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "runtime/structured/grammar.h"
#include "runtime/structured/regex_syntax.h"

namespace octet {

struct RegexUse {
  // Adds one character of a set, as the text spells it.
  std::function<Grammar::Node(const CodePoints& set)> write;
  // Whether anything may stand before and after the match, as in JSON Schema's "pattern". If not,
  // the expression must match the whole text.
  bool is_search = false;
  RegexReading reading = RegexReading::kInAllDialects;
};

// Adds the texts that the regular expression (ParseRegex) matches. Anchors may stand only where a
// match may begin or end. Errors name what is not supported, or say that the expression is too
// large: an automaton of it must have a bounded size.
absl::StatusOr<Grammar::Node> AddRegex(std::string_view regex, const RegexUse& use,
                                       Grammar& grammar);

inline constexpr int64_t kNoRegexLimit = std::numeric_limits<int64_t>::max();

// Bounds of the lengths of texts that an expression matches, in characters. They may be wide.
struct RegexLengths {
  int64_t least = 0;
  int64_t most = kNoRegexLimit;
};

// Returns bounds for an expression that AddRegex accepts.
RegexLengths LengthsOfRegex(std::string_view regex, bool is_search);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_REGEX_H_
