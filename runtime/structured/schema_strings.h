// Strings and names that must match expressions.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_STRINGS_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_STRINGS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/structured/grammar.h"
#include "runtime/structured/schema_keywords.h"

namespace octet {

// An expression that a keyword asks for.
struct TextPattern {
  std::string keyword;
  std::string regex;
  bool is_search = false;  // as RegexUse
};

// Returns the error of a "format" that is not known.
absl::Status UnknownFormat(const std::string& name);

// Returns the expressions of a normalized schema's "pattern" and "format". Errors name a format
// that is not known.
absl::StatusOr<std::vector<TextPattern>> PatternsOf(const Schema& schema);

// Returns an expression of "patternProperties".
TextPattern PatternOfNames(const std::string& regex);

// A writer of the strings of one document.
class SchemaStrings {
 public:
  // num_states_left: as AddProduct, of all products.
  SchemaStrings(int32_t& num_states_left, Grammar& grammar)
      : num_states_left_(num_states_left), grammar_(grammar) {}

  // Adds the quoted texts that obey a normalized schema's "pattern", "format", "minLength" and
  // "maxLength". Errors name the keyword.
  absl::StatusOr<Grammar::Node> Strings(const Schema& schema);

  struct NameRule {
    std::vector<std::string> matches;      // expressions that a name must match
    std::vector<std::string> matches_not;  // and those that it must not
    std::vector<std::string> is_none_of;   // names
  };

  // Adds the quoted names that obey the rule.
  absl::StatusOr<Grammar::Node> Names(const NameRule& rule);

 private:
  absl::StatusOr<const Grammar*> GrammarOf(const TextPattern& pattern);

  int32_t& num_states_left_;
  Grammar& grammar_;
  std::map<std::pair<std::string, bool>, Grammar> alone_;  // by expression, and its use
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_STRINGS_H_
