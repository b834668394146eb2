// The filters, tests, methods and globals of templates.

#ifndef OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_
#define OCTET_RUNTIME_TEXT_JINJA_LIBRARY_H_

#include <span>
#include <string_view>

#include "runtime/text/jinja/objects.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

struct Entry {
  std::string_view name;
  Function function;  // null if jinja2 has it and this engine does not
};

// Return null if jinja2 has none of this name either.
const Entry* FindFilter(std::string_view name);
const Entry* FindTest(std::string_view name);

// Returns whether Python's str has a method of this name that this engine lacks.
bool IsMissingStringMethod(std::string_view name);

// The globals raise_exception, range, namespace, dict, strftime_now.
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
