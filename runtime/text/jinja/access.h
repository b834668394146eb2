// Attributes, items and slices of values.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_
#define OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_

#include <optional>
#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// Returns object.name as in jinja2's sandbox: an attribute or method, else an item. It is undefined
// if there is neither, or if it is forbidden.
Value AttributeOf(Run& run, const Value& object, std::string_view name);

// Returns object[index]: an item, else an attribute of this name.
Value ItemOf(Run& run, const Value& object, const Value& index);

// Returns object[start:stop:step]. A missing part is none.
Value SliceOf(Run& run, const Value& object, const Value& start, const Value& stop,
              const Value& step);

// Returns jinja2's value for a name without a value.
Value UndefinedName(std::string_view name);

// Follows a path of attributes such as "function.name" or "0.x", in the form that filters take.
Value FollowPath(Run& run, const Value& object, const Value& path);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_
