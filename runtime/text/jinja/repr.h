// Values as text in the form of Python's str() and repr().

#ifndef OCTET_RUNTIME_TEXT_JINJA_REPR_H_
#define OCTET_RUNTIME_TEXT_JINJA_REPR_H_

#include <string>
#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/text.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// Returns str(value). A string keeps its origins. A container with anything from outside becomes
// text from outside. A value that Python writes with an address is an error.
Text Str(Run& run, const Value& value);

// Returns repr(value), with the same rule for origins.
Text Repr(Run& run, const Value& value);

inline constexpr size_t kScalarBytes = 24;  // the most bytes of a number

std::string FloatRepr(double value);
std::string StringRepr(std::string_view text);

// Returns "str", "list", …, for messages.
std::string_view TypeName(const Value& value);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_REPR_H_
