// Operators on values, as in Python.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_
#define OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_

#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// Returns a op b for + - * / // % **. An integer beyond int64 is an error.
Value Calculate(Run& run, std::string_view op, const Value& a, const Value& b);

Value Negative(Run& run, const Value& value);
Value Positive(Run& run, const Value& value);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_ARITHMETIC_H_
