// Attributes, items and slices of values.

#ifndef OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_
#define OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_

#include <optional>
#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// object.name as jinja2's sandbox has it: an attribute or method, else an item; undefined where
// there is neither, or where it is forbidden.
Value AttributeOf(Run& run, const Value& object, std::string_view name);

// object[index]: an item, else an attribute of this name.
Value ItemOf(Run& run, const Value& object, const Value& index);

// object[start:stop:step], where none stands for what is left out.
Value SliceOf(Run& run, const Value& object, const Value& start, const Value& stop,
              const Value& step);

// What jinja2 makes of a name that has no value.
Value UndefinedName(std::string_view name);

// Walks a path of attributes such as "function.name" or "0.x", as filters take it.
Value FollowPath(Run& run, const Value& object, const Value& path);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_ACCESS_H_
