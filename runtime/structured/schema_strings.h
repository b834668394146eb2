// Strings and names that must match expressions.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_STRINGS_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_STRINGS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/structured/byte_automaton.h"
#include "runtime/structured/grammar.h"
#include "runtime/structured/regex.h"
#include "runtime/structured/schema_keywords.h"

namespace octet {

// An expression that a keyword asks for.
struct TextPattern {
  std::string keyword;
  std::string regex;
  bool is_search = false;    // as RegexUse
  bool is_excluded = false;  // a text must not match
};

// What a text must be. All hold at once.
struct TextRule {
  std::string keyword;  // that errors name
  std::vector<TextPattern> patterns;
  RegexLengths lengths;                 // in characters
  std::vector<std::string> is_none_of;  // texts

  bool allows_all() const {
    return patterns.empty() && is_none_of.empty() && lengths.least == 0 &&
           lengths.most == kNoRegexLimit;
  }
};

// Returns the error of a "format" that is not known.
absl::Status UnknownFormat(const std::string& name);

// Returns the rule of a plain schema's "pattern", "format", lengths, and what must not be. Errors
// name a format that is not known.
absl::StatusOr<TextRule> TextRuleOf(const Schema& plain);

// Returns an expression of "patternProperties".
TextPattern PatternOfNames(const std::string& regex);

// A writer of the strings of one document, which it can check, too.
class SchemaStrings {
 public:
  // num_states_left: as AddProduct, of all products.
  SchemaStrings(int32_t& num_states_left, Grammar& grammar)
      : num_states_left_(num_states_left), grammar_(grammar) {}

  // Adds the quoted texts that obey the rule. Errors name a keyword.
  absl::StatusOr<Grammar::Node> Texts(const TextRule& rule);

  // Returns whether the text has a match, or with an excluded pattern has none.
  absl::StatusOr<bool> Matches(const std::string& text, const TextPattern& pattern);

  absl::StatusOr<bool> Obeys(const std::string& text, const TextRule& rule);

 private:
  // The texts of one expression, as JSON spells them.
  struct Spelled {
    Grammar grammar;
    std::optional<ByteAutomaton> automaton;  // of the grammar, once a text was checked
  };

  absl::StatusOr<Spelled*> Spell(const TextPattern& pattern);
  absl::StatusOr<Grammar::Node> Product(const TextRule& rule, const RegexLengths& lengths);

  int32_t& num_states_left_;
  Grammar& grammar_;
  // By expression, is_search and is_excluded.
  std::map<std::tuple<std::string, bool, bool>, Spelled> spelled_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_STRINGS_H_
