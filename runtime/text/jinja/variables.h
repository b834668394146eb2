// Which variable a name of a template means.

#ifndef OCTET_RUNTIME_TEXT_JINJA_VARIABLES_H_
#define OCTET_RUNTIME_TEXT_JINJA_VARIABLES_H_

#include <absl/status/statusor.h>

#include <set>
#include <string>

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

struct Variables {
  Layout layout;                            // of the outermost frame
  std::set<std::string, std::less<>> free;  // read from what the template is given, or globals
};

// Gives each name of `body` its place, and each scope its layout, by jinja2's rules (its
// idtracking): a scope's assignment hides what is outside from its first line on, unless only some
// branches of an if make it.
absl::StatusOr<Variables> ResolveVariables(Body& body);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_VARIABLES_H_
