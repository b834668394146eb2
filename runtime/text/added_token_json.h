// The JSON form of an added token.

#ifndef OCTET_RUNTIME_TEXT_ADDED_TOKEN_JSON_H_
#define OCTET_RUNTIME_TEXT_ADDED_TOKEN_JSON_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "runtime/text/added_tokens.h"

namespace octet {

// Ids are bounded, so that tables by id are bounded.
inline constexpr int32_t kMaxTokenId = (1 << 20) - 1;

// Reads {"content": "<s>", "lstrip": false, ...}, without an id. If "normalized" is absent, a token
// is normalized unless it is special. Errors continue the name of the value: "has no content".
absl::StatusOr<AddedToken> ReadAddedToken(const nlohmann::json& value);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_ADDED_TOKEN_JSON_H_
