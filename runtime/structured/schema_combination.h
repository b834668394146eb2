// The keywords that combine schemas.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_COMBINATION_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_COMBINATION_H_

#include <string>
#include <utility>
#include <vector>

#include "runtime/structured/schema_keywords.h"

namespace octet {

// Takes the keywords that combine schemas out of a normalized schema, with their values. Those that
// depend on members become "anyOf", and "if" gets an object with its "then" and "else".
std::vector<std::pair<std::string, Schema>> TakeCombined(Schema& own);

// Takes "unevaluatedProperties" and "unevaluatedItems" out of a normalized schema.
Schema TakeUnevaluated(Schema& own);

// Lets them hold for the parts that nothing in an alternative is about. All that the schema
// combines must be merged into the alternatives.
void UseUnevaluated(const Schema& taken, std::vector<Schema>& alternatives);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_COMBINATION_H_
