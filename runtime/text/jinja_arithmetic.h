// Operators on values, as Python has them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_
#define OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_

#include <string_view>

#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_value.h"

namespace octet {

// a op b for + - * / // % **. Integers beyond int64 are an error.
JinjaValue JinjaBinary(JinjaRun& run, std::string_view op, const JinjaValue& a,
                       const JinjaValue& b);

JinjaValue JinjaNegative(JinjaRun& run, const JinjaValue& value);
JinjaValue JinjaPositive(JinjaRun& run, const JinjaValue& value);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_
