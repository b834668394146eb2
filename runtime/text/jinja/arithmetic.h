// Operators on values, as Python has them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_
#define OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_

#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// a op b for + - * / // % **. Integers beyond int64 are an error.
Value Calculate(Run& run, std::string_view op, const Value& a, const Value& b);

Value Negative(Run& run, const Value& value);
Value Positive(Run& run, const Value& value);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_
