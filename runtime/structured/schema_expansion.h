// Schemas as lists of plain alternatives.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_EXPANSION_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_EXPANSION_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/structured/schema_keywords.h"

namespace octet {

// An expander of the schemas of one document.
class SchemaExpansion {
 public:
  // `root` must outlive this object.
  explicit SchemaExpansion(const Schema& root) : root_(root) {}

  // Returns normalized schemas without keywords that combine others ($ref, anyOf, not, ...), of
  // which a value must obey one; none, if no value is valid. Errors name the keyword: unknown ones,
  // a $ref that leads nowhere or to itself, a oneOf of which two schemas may hold at once, what
  // "not" and "if" can't be about, and too many alternatives or steps.
  absl::StatusOr<std::vector<Schema>> Expand(const Schema& schema) const {
    return Expand(schema, 0);
  }

 private:
  using Alternatives = std::vector<Schema>;

  absl::StatusOr<Alternatives> Expand(const Schema& schema, int depth) const;
  absl::StatusOr<Alternatives> ExpandCombined(const std::string& keyword, const Schema& value,
                                              int depth) const;
  absl::StatusOr<Alternatives> ExpandList(const std::string& keyword, const Schema& list,
                                          int depth) const;
  absl::StatusOr<Alternatives> MergeEach(const Alternatives& a, const Alternatives& b) const;
  absl::Status CheckNegated(const Schema& own) const;
  absl::StatusOr<Alternatives> ExpandNegated(const Schema& schema, int depth) const;
  absl::StatusOr<Alternatives> Negate(const Alternatives& alternatives,
                                      const std::string& keyword) const;
  absl::StatusOr<Alternatives> ExpandIf(const Schema& condition, int depth) const;
  void NameAnswerTypes(Alternatives& schemas) const;
  absl::Status CheckDisjoint(const std::vector<Alternatives>& choices, int depth,
                             bool of_answers) const;
  bool AreDisjoint(const Schema& a, const Schema& b, int depth, bool of_answers) const;
  bool AreListsDisjoint(const Schema& list, const Schema& other) const;
  bool HasTellingMember(const Schema& a, const Schema& b, int depth) const;
  const Schema* Resolve(const std::string& reference) const;

  const Schema& root_;
  mutable size_t num_expanded_ = 0;    // schemas so far
  mutable size_t num_merged_ = 0;      // parts of schemas
  mutable size_t num_compared_ = 0;    // values of lists
  mutable size_t num_conditions_ = 0;  // "not" and "if"
  mutable size_t num_narrowed_ = 0;    // schemas whose alternatives leave out some valid values
  mutable int negation_depth_ = 0;     // of the schema that is expanded
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_EXPANSION_H_
