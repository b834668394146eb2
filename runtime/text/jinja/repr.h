// Values as text, as Python's str() and repr() write them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_REPR_H_
#define OCTET_RUNTIME_TEXT_JINJA_REPR_H_

#include <string>
#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/text.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// str(value). A string keeps its origins; a container that holds anything from outside gives text
// from outside. What Python writes with an address can't be written: an error.
Text Str(Run& run, const Value& value);

// repr(value), with the same rule for origins.
Text Repr(Run& run, const Value& value);

inline constexpr size_t kScalarBytes = 24;  // what a number takes at most

std::string FloatRepr(double value);
std::string StringRepr(std::string_view text);

// "str", "list", …, for messages.
std::string_view TypeName(const Value& value);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_REPR_H_
