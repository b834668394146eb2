// What can be wrong with a template, or with what it is given.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ERROR_H_
#define OCTET_RUNTIME_TEXT_JINJA_ERROR_H_

#include <absl/status/status.h>

#include <optional>
#include <string_view>

namespace octet::jinja {

enum class ErrorKind {
  kSyntax,       // jinja2 would not compile it either
  kUnsupported,  // jinja2 has it, this engine does not
  kRaised,       // the template called raise_exception: the message is its own
  kUndefined,    // something undefined was used
  kType,         // Python's TypeError, ValueError, IndexError, KeyError, OverflowError
  kZero,         // a division by zero
  kSecurity,     // what jinja2's immutable sandbox forbids
  kLimit,        // too many steps, too much nesting, too much text
};

// kInvalidArgument with `message`, and a payload from which ErrorKindOf tells `kind`.
absl::Status TemplateError(ErrorKind kind, std::string_view message);

// Nothing for a status that TemplateError did not make.
std::optional<ErrorKind> ErrorKindOf(const absl::Status& status);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_ERROR_H_
