// Python's two ways to format text.

#ifndef OCTET_RUNTIME_TEXT_JINJA_FORMAT_H_
#define OCTET_RUNTIME_TEXT_JINJA_FORMAT_H_

#include "runtime/text/jinja/objects.h"
#include "runtime/text/jinja/run.h"

namespace octet::jinja {

// Returns format % values, for the conversions s r d i u f F e E g G x X o c %.
Value PercentFormat(Run& run, const Text& format, const Value& values);

// Returns format.format(…), for fields with attributes and items, conversions !s and !r, and format
// specifications of strings and of the number types d f e g x X o b %. Others are an error.
Value BraceFormat(Run& run, const Text& format, const Arguments& arguments);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_FORMAT_H_
