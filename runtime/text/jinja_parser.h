// Tags of a template.

#ifndef OCTET_RUNTIME_TEXT_JINJA_PARSER_H_
#define OCTET_RUNTIME_TEXT_JINJA_PARSER_H_

#include <absl/status/statusor.h>

#include <string_view>

#include "runtime/text/jinja_ast.h"

namespace octet {

// The statements of a template; its variables are not resolved yet (ResolveJinjaVariables).
// Errors are those of JinjaTemplate::Parse.
absl::StatusOr<JinjaBody> ParseJinja(std::string_view source);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_PARSER_H_
