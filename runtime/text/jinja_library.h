// The filters, tests, methods and globals that templates have.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_
#define OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_

#include <span>
#include <string_view>

#include "runtime/text/jinja_objects.h"
#include "runtime/text/jinja_value.h"

namespace octet {

struct JinjaEntry {
  std::string_view name;
  JinjaFunction function;  // null for what jinja2 has and this engine does not
};

// null where jinja2 has none of this name either.
const JinjaEntry* FindJinjaFilter(std::string_view name);
const JinjaEntry* FindJinjaTest(std::string_view name);

// Whether Python's str has a method of this name and this engine has not.
bool IsMissingStringMethod(std::string_view name);

// raise_exception, range, namespace, dict, strftime_now.
std::span<const JinjaEntry> JinjaGlobals();
std::span<const JinjaEntry> JinjaTests();

std::span<const JinjaEntry> JinjaTextFilters();
std::span<const JinjaEntry> JinjaLineFilters();
std::span<const JinjaEntry> JinjaNumberFilters();
std::span<const JinjaEntry> JinjaListFilters();
std::span<const JinjaEntry> JinjaOrderFilters();
std::span<const JinjaEntry> JinjaSelectFilters();

std::span<const JinjaEntry> JinjaStringMethods();
std::span<const JinjaEntry> JinjaSearchMethods();
std::span<const JinjaEntry> JinjaListMethods();
std::span<const JinjaEntry> JinjaDictMethods();
std::span<const JinjaEntry> JinjaLoopMethods();

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_
