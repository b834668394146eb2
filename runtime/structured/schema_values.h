// Values, beside the schemas that they must obey.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_VALUES_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_VALUES_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/structured/schema_expansion.h"
#include "runtime/structured/schema_keywords.h"
#include "runtime/structured/schema_strings.h"

namespace octet {

// A checker of values that stand in a document, such as those of "enum".
class SchemaValues {
 public:
  // `expansion` must outlive this object.
  explicit SchemaValues(const SchemaExpansion& expansion);
  ~SchemaValues();

  // Returns the values of "enum" in a schema that Expand gave which obey its other keywords. Errors
  // name a keyword of the schemas inside, or say that the values are too large for it.
  absl::StatusOr<std::vector<Schema>> ValidOf(const Schema& plain);

  // Returns whether the text has a match.
  absl::StatusOr<bool> Matches(const std::string& text, const TextPattern& pattern);

 private:
  class Matcher;

  bool Check(const Schema& value, const Schema& schema);  // any schema
  bool CheckPlain(const Schema& value, const Schema& plain);
  bool CheckString(const std::string& text, const Schema& plain);
  bool CheckArray(const Schema& value, const Schema& plain);
  bool CheckObject(const Schema& value, const Schema& plain);
  bool CheckMember(const std::string& name, const Schema& value, const Schema& plain);
  bool Fail(const absl::Status& status);

  const SchemaExpansion& expansion_;
  // What Expand gave for the schemas inside the latest one, by their places.
  absl::flat_hash_map<const Schema*, std::unique_ptr<std::vector<Schema>>> expanded_;
  std::map<std::string, std::unique_ptr<Matcher>> matchers_;  // by expression and its use
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_VALUES_H_
