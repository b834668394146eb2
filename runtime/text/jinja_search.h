// Pieces of text: splitting, replacing, finding. Origins are kept.

#ifndef OCTET_RUNTIME_TEXT_JINJA_SEARCH_H_
#define OCTET_RUNTIME_TEXT_JINJA_SEARCH_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_text.h"
#include "runtime/text/jinja_value.h"

namespace octet {

// str.replace; a negative `count` replaces all.
JinjaValue Replaced(JinjaRun& run, const JinjaText& text, const JinjaText& from,
                    const JinjaText& to, int64_t count);

// str.split and str.rsplit at a separator that is not empty; a negative `count` splits at all.
std::vector<JinjaValue> SplitAt(JinjaRun& run, const JinjaText& text, std::string_view separator,
                                int64_t count, bool from_right);
// The same at stretches of whitespace.
std::vector<JinjaValue> SplitAtSpace(JinjaRun& run, const JinjaText& text, int64_t count,
                                     bool from_right);
// str.splitlines.
std::vector<JinjaText> Lines(const JinjaText& text, bool keep_ends);

// str.join of str() of each item.
JinjaValue Joined(JinjaRun& run, const JinjaText& separator, const std::vector<JinjaValue>& items);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_SEARCH_H_
