// The errors of a template, or of its inputs.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ERROR_H_
#define OCTET_RUNTIME_TEXT_JINJA_ERROR_H_

#include <absl/status/status.h>

#include <optional>
#include <string_view>

namespace octet::jinja {

enum class ErrorKind {
  kSyntax,       // jinja2 does not compile it either
  kUnsupported,  // jinja2 has it, this engine does not
  kRaised,       // the template called raise_exception: the message is its own
  kUndefined,    // something undefined was used
  kType,         // Python's TypeError, ValueError, IndexError, KeyError, OverflowError
  kZero,         // a division by zero
  kSecurity,     // jinja2's immutable sandbox forbids it
  kLimit,        // too many steps, too much nesting, too much text
};

// Returns kInvalidArgument with `message`, and with a payload for ErrorKindOf.
absl::Status TemplateError(ErrorKind kind, std::string_view message);

// Returns the kind of an error; nullopt if TemplateError did not make the status.
std::optional<ErrorKind> ErrorKindOf(const absl::Status& status);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_ERROR_H_
