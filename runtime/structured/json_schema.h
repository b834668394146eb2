// JSON Schemas as parts of a grammar.

#ifndef OCTET_RUNTIME_STRUCTURED_JSON_SCHEMA_H_
#define OCTET_RUNTIME_STRUCTURED_JSON_SCHEMA_H_

#include <absl/status/statusor.h>

#include "runtime/structured/grammar.h"
#include "runtime/structured/schema_keywords.h"

namespace octet {

struct SchemaUse {
  bool is_compact = false;                // JsonGrammar
  bool has_additional_properties = true;  // where a schema with no members does not forbid them
};

// Adds JSON texts that are valid by the schema (https://json-schema.org/draft/2020-12). Members
// come in the order of "properties". What a schema does not describe is left out where it may be:
// members beside those of "properties", elements after those of "prefixItems", values of other
// types than its keywords are about. Errors name a keyword that is not supported, and what is wrong
// with one, or say that the schema is too large.
absl::StatusOr<Grammar::Node> AddJsonSchema(const Schema& schema, const SchemaUse& use,
                                            Grammar& grammar);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_JSON_SCHEMA_H_
