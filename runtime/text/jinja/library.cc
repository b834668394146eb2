#include "runtime/text/jinja/library.h"

namespace octet::jinja {
namespace {

const Entry* FindEntry(std::span<const Entry> entries, std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

const Entry* FindFilter(std::string_view name) {
  for (const auto entries : {TextFilters(), LineFilters(), NumberFilters(), ListFilters(),
                             OrderFilters(), SelectFilters()}) {
    if (const Entry* entry = FindEntry(entries, name)) return entry;
  }
  return nullptr;
}

const Entry* FindTest(std::string_view name) { return FindEntry(Tests(), name); }

bool IsMissingStringMethod(std::string_view name) {
  const Entry* entry = FindEntry(StringMethods(), name);
  return entry != nullptr && entry->function == nullptr;
}

}  // namespace octet::jinja
