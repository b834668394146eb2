// Truth, equality, order and membership, as Python has them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_
#define OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_

#include <string_view>
#include <vector>

#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_value.h"

namespace octet {

bool JinjaIsTrue(const JinjaValue& value);

bool JinjaEqual(JinjaRun& run, const JinjaValue& a, const JinjaValue& b);

// One of == != < <= > >= in "not in". Values that have no order are an error.
bool JinjaCompare(JinjaRun& run, std::string_view op, const JinjaValue& a, const JinjaValue& b);

bool JinjaContains(JinjaRun& run, const JinjaValue& container, const JinjaValue& item);

// What a for loop walks over; uses an iterator up. An error for what can't be iterated.
std::vector<JinjaValue> JinjaItems(JinjaRun& run, const JinjaValue& value);

// len(value), or an error.
int64_t JinjaLength(JinjaRun& run, const JinjaValue& value);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_
