// What a schema does not allow.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_NEGATION_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_NEGATION_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "runtime/structured/schema_keywords.h"

namespace octet {

// Returns plain schemas, of which a value obeys one exactly if it does not obey this one. Their
// sub-schemas may have a "not". Errors name a keyword of which nothing is known to be the contrary,
// and `where` it stands.
absl::StatusOr<std::vector<Schema>> NegateSchema(const Schema& plain, const std::string& where);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_NEGATION_H_
