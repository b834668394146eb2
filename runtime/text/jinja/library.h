// The filters, tests, methods and globals that templates have.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_
#define OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_

#include <span>
#include <string_view>

#include "runtime/text/jinja/objects.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

struct Entry {
  std::string_view name;
  Function function;  // null for what jinja2 has and this engine does not
};

// null where jinja2 has none of this name either.
const Entry* FindFilter(std::string_view name);
const Entry* FindTest(std::string_view name);

// Whether Python's str has a method of this name and this engine has not.
bool IsMissingStringMethod(std::string_view name);

// raise_exception, range, namespace, dict, strftime_now.
std::span<const Entry> Globals();
std::span<const Entry> Tests();

std::span<const Entry> TextFilters();
std::span<const Entry> LineFilters();
std::span<const Entry> NumberFilters();
std::span<const Entry> ListFilters();
std::span<const Entry> OrderFilters();
std::span<const Entry> SelectFilters();

std::span<const Entry> StringMethods();
std::span<const Entry> SearchMethods();
std::span<const Entry> ListMethods();
std::span<const Entry> DictMethods();
std::span<const Entry> LoopMethods();

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_
