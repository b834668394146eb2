// Visits of a parsed template's parts.

#ifndef OCTET_RUNTIME_TEXT_JINJA_WALK_H_
#define OCTET_RUNTIME_TEXT_JINJA_WALK_H_

#include <absl/functional/function_ref.h>

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include "runtime/text/jinja/ast.h"

namespace octet::jinja {

// Calls `visit` for each expression directly in `expression`, in jinja2's order.
void ForEachOperand(const Expression& expression, absl::FunctionRef<void(Expression&)> visit);

// Calls `visit` for each statement of `body` and those inside, outer ones first.
void ForEachStatement(const Body& body, absl::FunctionRef<void(const Statement&)> visit);

// Returns those of `names` that `body` reads at a place in the text before it assigns them.
std::set<std::string> UndeclaredNames(const Body& body,
                                      std::initializer_list<std::string_view> names);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_WALK_H_
