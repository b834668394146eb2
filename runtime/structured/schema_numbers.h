// Numbers that a schema describes.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_NUMBERS_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_NUMBERS_H_

#include <absl/status/statusor.h>

#include <cstdint>

#include "runtime/structured/json_grammar.h"
#include "runtime/structured/schema_keywords.h"

namespace octet {

// Adds the numbers of the types that obey a normalized schema's bounds, "multipleOf", and "format"
// as OpenAPI has it. Multiples are integers of up to 9 digits, or as many as a bound has.
// num_states_left: as AddProduct. Errors name the keyword.
absl::StatusOr<Grammar::Node> AddSchemaNumbers(const Schema& schema, unsigned types,
                                               int32_t& num_states_left, JsonGrammar& json);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_NUMBERS_H_
