// Values, beside the schemas that they must obey.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_VALUES_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_VALUES_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

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
  // The arguments must outlive this object.
  SchemaValues(const SchemaExpansion& expansion, SchemaStrings& strings)
      : expansion_(expansion), strings_(strings) {}

  // Returns the values of "enum" in a schema that Expand gave which obey its other keywords. Errors
  // name a keyword of the schemas inside, or say that the values are too large for it.
  absl::StatusOr<std::vector<Schema>> ValidOf(const Schema& plain);

 private:
  bool Check(const Schema& value, const Schema& schema);  // any schema
  bool CheckPlain(const Schema& value, const Schema& plain);
  bool CheckString(const std::string& text, const Schema& plain);
  bool CheckArray(const Schema& value, const Schema& plain);
  bool CheckObject(const Schema& value, const Schema& plain);
  bool CheckMember(const std::string& name, const Schema& value, const Schema& plain);
  bool Found(const absl::StatusOr<bool>& found);
  bool Fail(const absl::Status& status);

  const SchemaExpansion& expansion_;
  SchemaStrings& strings_;
  // What Expand gave for the schemas inside the latest one, by their places.
  absl::flat_hash_map<const Schema*, std::unique_ptr<std::vector<Schema>>> expanded_;
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_VALUES_H_
