// JSON as files state it: one reading of a text, or an error.

#ifndef OCTET_RUNTIME_IO_STRICT_JSON_H_
#define OCTET_RUNTIME_IO_STRICT_JSON_H_

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <string>

namespace octet {

// Parses one UTF-8 JSON text. Beyond the grammar it refuses what parsers read differently: a key
// that stands twice in an object, a NUL byte, nesting deeper than 64. Errors begin with `where`,
// such as a path.
absl::StatusOr<nlohmann::json> ParseStrictJson(const std::string& text, const std::string& where);

// `text` in single quotes for an error message: control bytes escaped, the middle of a long one
// left out.
std::string Quoted(const std::string& text);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_STRICT_JSON_H_
