// The members that a schema gives an object.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_MEMBERS_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_MEMBERS_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
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

// A finder of the members of one object.
class SchemaMembers {
 public:
  // plain: from Expand. is_open: an object without "properties" has other members where the schema
  // does not forbid them. The arguments must outlive this object.
  SchemaMembers(const Schema& plain, bool is_open, const SchemaExpansion& expansion,
                SchemaValues& values, SchemaStrings& strings)
      : plain_(plain),
        is_open_(is_open),
        expansion_(expansion),
        values_(values),
        strings_(strings) {}

  // Returns the members. First come those of "properties", then others of "required", then those
  // that "propertyNames" lists. Call it once. Errors name a keyword.
  absl::StatusOr<ObjectMembers> Find();

 private:
  void FindNames();
  void AddNamed();
  void AddListed();
  void AddOthers();
  void AddOther(const std::vector<TextPattern>& patterns, const Schema& value);
  size_t Add(const std::string& name);
  Schema PartsOf(const std::string& name);
  Schema Additional() const;
  bool IsAllowed(const std::string& name);
  bool Found(const absl::StatusOr<bool>& found);

  const Schema& plain_;
  bool is_open_;
  const SchemaExpansion& expansion_;
  SchemaValues& values_;
  SchemaStrings& strings_;
  // What "propertyNames" allows: a list, and what obeys one of the rules.
  std::vector<std::string> listed_names_;
  absl::flat_hash_set<std::string> is_listed_;
  std::vector<TextRule> name_rules_;
  absl::flat_hash_map<std::string, const Schema*> properties_;
  ObjectMembers members_;
  absl::flat_hash_map<std::string, size_t> places_;  // of members_.named
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_MEMBERS_H_
