// The members that a schema gives an object.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_MEMBERS_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_MEMBERS_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "runtime/structured/schema_expansion.h"
#include "runtime/structured/schema_keywords.h"
#include "runtime/structured/schema_strings.h"
#include "runtime/structured/schema_values.h"

namespace octet {

// A member with a known name.
struct NamedMember {
  std::string name;
  Schema value;
  bool is_required = false;
};

// Members whose names obey a rule.
struct OtherMembers {
  TextRule names;
  Schema value;
};

struct ObjectMembers {
  std::vector<NamedMember> named;  // in their order
  std::vector<OtherMembers> others;
};

// Returns the members of one object. First come those of "properties", then others of "required",
// then those that "propertyNames" lists. plain: from Expand. is_open: an object without
// "properties" has other members where the schema does not forbid them. Errors name a keyword.
absl::StatusOr<ObjectMembers> FindMembers(const Schema& plain, bool is_open,
                                          const SchemaExpansion& expansion, SchemaValues& values,
                                          SchemaStrings& strings);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_MEMBERS_H_
