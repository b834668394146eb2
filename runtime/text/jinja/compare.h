// Truth, equality, order and membership, as Python has them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_
#define OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_

#include <string_view>
#include <vector>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

bool IsTrue(const Value& value);

bool AreEqual(Run& run, const Value& a, const Value& b);

// One of == != < <= > >= in "not in". Values that have no order are an error.
bool Compare(Run& run, std::string_view op, const Value& a, const Value& b);

bool Contains(Run& run, const Value& container, const Value& item);

// What a for loop walks over; uses an iterator up. An error for what can't be iterated.
std::vector<Value> ItemsOf(Run& run, const Value& value);

// len(value), or an error.
int64_t LengthOf(Run& run, const Value& value);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_
