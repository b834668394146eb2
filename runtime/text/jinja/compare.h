// Truth, equality, order and membership, as in Python.

#ifndef OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_
#define OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_

#include <string_view>
#include <vector>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

bool IsTrue(const Value& value);

bool AreEqual(Run& run, const Value& a, const Value& b);

// Applies one of == != < <= > >= in "not in". Values without an order are an error.
bool Compare(Run& run, std::string_view op, const Value& a, const Value& b);

bool Contains(Run& run, const Value& container, const Value& item);

// Returns the items of a for loop, and uses up an iterator. A value that cannot be iterated is an
// error.
std::vector<Value> ItemsOf(Run& run, const Value& value);

// Returns len(value), or reports an error.
int64_t LengthOf(Run& run, const Value& value);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_COMPARE_H_
