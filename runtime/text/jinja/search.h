// Operations on pieces of text: split, replace, find. Origins are kept.

#ifndef OCTET_RUNTIME_TEXT_JINJA_SEARCH_H_
#define OCTET_RUNTIME_TEXT_JINJA_SEARCH_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/text.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

// Returns str.replace; a negative `count` replaces all.
Value Replaced(Run& run, const Text& text, const Text& from, const Text& to, int64_t count);

// Returns str.split or str.rsplit at a separator that is not empty; a negative `count` splits at
// all.
std::vector<Value> SplitAt(Run& run, const Text& text, std::string_view separator, int64_t count,
                           bool from_right);
// Returns the same at stretches of whitespace.
std::vector<Value> SplitAtSpace(Run& run, const Text& text, int64_t count, bool from_right);
// Returns str.splitlines.
std::vector<Text> Lines(const Text& text, bool keep_ends);

// Returns str.join of str() of each item.
Value Joined(Run& run, const Text& separator, const std::vector<Value>& items);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_SEARCH_H_
