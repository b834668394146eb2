// Python's two ways to format text.

#ifndef OCTET_RUNTIME_TEXT_JINJA_FORMAT_H_
#define OCTET_RUNTIME_TEXT_JINJA_FORMAT_H_

#include "runtime/text/jinja_objects.h"
#include "runtime/text/jinja_run.h"

namespace octet {

// format % values, for the conversions s r d i u f F e E g G x X o c %.
JinjaValue PercentFormat(JinjaRun& run, const JinjaText& format, const JinjaValue& values);

// format.format(…), for fields with attributes and items, conversions !s and !r, and format
// specifications of strings and of the number types d f e g x X o b %; other ones are an error.
JinjaValue BraceFormat(JinjaRun& run, const JinjaText& format, const JinjaArguments& arguments);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_FORMAT_H_
