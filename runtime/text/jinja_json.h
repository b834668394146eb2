// Values as JSON, as Python's json.dumps writes them.

#ifndef OCTET_RUNTIME_TEXT_JINJA_JSON_H_
#define OCTET_RUNTIME_TEXT_JINJA_JSON_H_

#include <optional>
#include <string>

#include "runtime/text/jinja_run.h"
#include "runtime/text/jinja_value.h"

namespace octet {

struct JinjaJsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // of a level; nothing: all in one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// Only none, numbers, strings, lists, tuples and dicts; an error for others.
std::string JinjaJson(JinjaRun& run, const JinjaValue& value, const JinjaJsonStyle& style);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_JSON_H_
