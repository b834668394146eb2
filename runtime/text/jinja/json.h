// Values as JSON in the form of Python's json.dumps.

#ifndef OCTET_RUNTIME_TEXT_JINJA_JSON_H_
#define OCTET_RUNTIME_TEXT_JINJA_JSON_H_

#include <optional>
#include <string>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // of a level; if nullopt, all in one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// Returns the JSON of none, numbers, strings, lists, tuples and dicts. Other values are an error.
std::string ToJson(Run& run, const Value& value, const JsonStyle& style);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_JSON_H_
