// The parser of a template's tags.

#ifndef OCTET_RUNTIME_TEXT_JINJA_PARSER_H_
#define OCTET_RUNTIME_TEXT_JINJA_PARSER_H_

#include <absl/status/statusor.h>

#include <string_view>

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

// Returns the statements of a template. Its variables are not resolved yet (ResolveVariables).
// Errors are those of Template::Parse.
absl::StatusOr<Body> ParseTemplate(std::string_view source);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_PARSER_H_
