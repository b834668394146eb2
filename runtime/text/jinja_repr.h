// Values as text, as Python's str() and repr() write them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_REPR_H_
#define OCTET_RUNTIME_TEXT_JINJA_REPR_H_

#include <string>
#include <string_view>

#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_text.h"
#include "runtime/text/jinja_value.h"

namespace octet {

// str(value). A string keeps its origins; a container that holds anything from outside gives text
// from outside. What Python writes with an address can't be written: an error.
JinjaText JinjaStr(JinjaRun& run, const JinjaValue& value);

// repr(value), with the same rule for origins.
JinjaText JinjaRepr(JinjaRun& run, const JinjaValue& value);

std::string FloatRepr(double value);
std::string StringRepr(std::string_view text);

// "str", "list", …, for messages.
std::string_view JinjaTypeName(const JinjaValue& value);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_REPR_H_
