// A validator of JSON Schema for tests.

#ifndef OCTET_TESTS_SUPPORT_SCHEMA_VALIDATOR_H_
#define OCTET_TESTS_SUPPORT_SCHEMA_VALIDATOR_H_

#include <nlohmann/json.hpp>

namespace octet {

// Returns whether the value is valid by the schema: keyword by keyword, as the specification says
// it (draft 2020-12). Keywords that it does not know mean nothing.
bool IsValidBySchema(const nlohmann::ordered_json& value, const nlohmann::ordered_json& schema,
                     const nlohmann::ordered_json& root);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SCHEMA_VALIDATOR_H_
