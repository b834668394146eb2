// The schema of what two schemas both allow.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_MERGE_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_MERGE_H_

#include <absl/status/statusor.h>

#include "runtime/structured/schema_keywords.h"

namespace octet {

// Merges two normalized schemas without $ref, allOf, anyOf and oneOf. What sub-schemas must both
// allow becomes an "allOf". Errors name a keyword whose two values can't be merged.
absl::StatusOr<Schema> MergeSchemas(const Schema& a, const Schema& b);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_MERGE_H_
