// The resolution of a template's names to variables.

#ifndef OCTET_RUNTIME_TEXT_JINJA_VARIABLES_H_
#define OCTET_RUNTIME_TEXT_JINJA_VARIABLES_H_

#include <absl/status/statusor.h>

#include <set>
#include <string>

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

struct Variables {
  Layout layout;                            // of the outermost frame
  std::set<std::string, std::less<>> free;  // read from the template's inputs or globals
};

// Gives each name of `body` its place, and each scope its layout, by jinja2's rules (its
// idtracking). A scope's assignment hides the outer variable from the scope's first line on, unless
// only some branches of an if make it.
absl::StatusOr<Variables> ResolveVariables(Body& body);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_VARIABLES_H_
