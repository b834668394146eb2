#include "runtime/text/jinja_library.h"

namespace octet {
namespace {

const JinjaEntry* Find(std::span<const JinjaEntry> entries, std::string_view name) {
  for (const JinjaEntry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

const JinjaEntry* FindJinjaFilter(std::string_view name) {
  for (const auto entries : {JinjaTextFilters(), JinjaLineFilters(), JinjaNumberFilters(),
                             JinjaListFilters(), JinjaOrderFilters(), JinjaSelectFilters()}) {
    if (const JinjaEntry* entry = Find(entries, name)) return entry;
  }
  return nullptr;
}

const JinjaEntry* FindJinjaTest(std::string_view name) { return Find(JinjaTests(), name); }

bool IsMissingStringMethod(std::string_view name) {
  const JinjaEntry* entry = Find(JinjaStringMethods(), name);
  return entry != nullptr && entry->function == nullptr;
}

}  // namespace octet
