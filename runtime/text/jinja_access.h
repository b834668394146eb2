// Attributes, items and slices of values.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_
#define OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_

#include <optional>
#include <string_view>

#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_value.h"

namespace octet {

// object.name as jinja2's sandbox has it: an attribute or method, else an item; undefined where
// there is neither, or where it is forbidden.
JinjaValue JinjaAttribute(JinjaRun& run, const JinjaValue& object, std::string_view name);

// object[index]: an item, else an attribute of this name.
JinjaValue JinjaItem(JinjaRun& run, const JinjaValue& object, const JinjaValue& index);

// object[start:stop:step], where none stands for what is left out.
JinjaValue JinjaSlice(JinjaRun& run, const JinjaValue& object, const JinjaValue& start,
                      const JinjaValue& stop, const JinjaValue& step);

// What jinja2 makes of a name that has no value.
JinjaValue UndefinedName(std::string_view name);

// Walks a path of attributes such as "function.name" or "0.x", as filters take it.
JinjaValue JinjaPath(JinjaRun& run, const JinjaValue& object, const JinjaValue& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_
