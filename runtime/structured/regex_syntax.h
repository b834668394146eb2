// Regular expressions as trees.

#ifndef OCTET_RUNTIME_STRUCTURED_REGEX_SYNTAX_H_
#define OCTET_RUNTIME_STRUCTURED_REGEX_SYNTAX_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/structured/code_points.h"

namespace octet {

struct RegexTree {
  enum class Kind { kClass, kSequence, kChoice, kRepeat, kBegin, kEnd };

  Kind kind = Kind::kSequence;
  CodePoints set = {};                // of kClass
  std::vector<RegexTree> parts = {};  // one of kRepeat
  int32_t least = 0;                  // of kRepeat
  int32_t most = 0;                   // or -1 without a limit
};

// Where dialects differ in what an expression matches: what it matches in all of them, for texts
// that must match, or in any of them, for texts that must not.
enum class RegexReading { kInAllDialects, kInAnyDialect };

// Parses a regular expression, in the syntax that ECMA-262 and Python's `re` share: classes, groups
// of any name, greedy and lazy quantifiers, alternatives and anchors. Where the two differ in what
// a class contains, kInAllDialects has what is in both: \d, \w and \s are those of ASCII; "." is no
// end of a line; beyond ASCII, \W goes up to U+00A9, \D up to U+065F, and \S leaves out all of
// Unicode's spaces. kInAnyDialect has the most: "." is all but "\n", and "$" may stand before a
// last "\n". Errors name the part that no automaton can follow, or that is malformed, and its
// place.
absl::StatusOr<RegexTree> ParseRegex(std::string_view regex,
                                     RegexReading reading = RegexReading::kInAllDialects);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_REGEX_SYNTAX_H_
