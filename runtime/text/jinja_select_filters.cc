// map, select and the like: filters and tests applied to each item.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja_access.h"
#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

// The function that the argument at `index` names, and the arguments behind it.
struct Applied {
  JinjaFunction function = nullptr;
  JinjaArguments arguments;
};

Applied NamedFunction(JinjaRun& run, const JinjaArguments& arguments, size_t index,
                      const JinjaEntry* (*find)(std::string_view), std::string_view what) {
  Applied applied;
  const JinjaValue& name = arguments.positional[index];
  const JinjaEntry* entry = name.Is(Kind::kString) ? find(name.text().view()) : nullptr;
  if (entry == nullptr) {
    run.FailType("no " + std::string(what) + " of the name that is given");
  } else if (entry->function == nullptr) {
    run.FailUnsupported("the " + std::string(what) + " " + Quoted(std::string(entry->name)));
  } else {
    applied.function = entry->function;
  }
  applied.arguments.positional.assign(
      arguments.positional.begin() + static_cast<std::ptrdiff_t>(index) + 1,
      arguments.positional.end());
  applied.arguments.named = arguments.named;
  return applied;
}

JinjaValue MapAttribute(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "map", arguments, {"attribute", "default"});
  std::vector<JinjaValue> items;
  for (const JinjaValue& item : JinjaItems(run, self)) {
    if (!run.Step()) return {};
    const JinjaValue value = JinjaPath(run, item, parameters.Get(0));
    const bool defaults = value.Is(Kind::kUndefined) && !parameters.Get(1).Is(Kind::kNone);
    items.push_back(defaults ? parameters.Get(1) : value);
  }
  return run.Iterator(std::move(items));
}

bool HasNamed(const JinjaArguments& arguments, std::string_view wanted) {
  for (const auto& argument : arguments.named) {
    if (argument.first == wanted) return true;
  }
  return false;
}

JinjaValue Map(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  if (!JinjaIsTrue(self)) return run.Iterator({});
  if (arguments.positional.empty()) {
    if (HasNamed(arguments, "attribute")) return MapAttribute(run, self, arguments);
    return run.FailType("map takes the name of a filter, or attribute=");
  }
  const JinjaLevel level(run);
  if (!level.ok()) return {};
  const Applied applied = NamedFunction(run, arguments, 0, FindJinjaFilter, "filter");
  std::vector<JinjaValue> items;
  for (const JinjaValue& item : JinjaItems(run, self)) {
    if (!run.Step()) return {};
    items.push_back(applied.function(run, item, applied.arguments));
  }
  return run.Iterator(std::move(items));
}

template <bool kKeep, bool kOfAttribute>
JinjaValue Select(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const size_t test = kOfAttribute ? 1 : 0;
  if (!JinjaIsTrue(self)) return run.Iterator({});
  if (arguments.positional.size() < test) return run.FailType("an attribute's name is missing");
  const JinjaLevel level(run);
  if (!level.ok()) return {};
  Applied applied;
  if (arguments.positional.size() > test) {
    applied = NamedFunction(run, arguments, test, FindJinjaTest, "test");
  }
  std::vector<JinjaValue> items;
  for (const JinjaValue& item : JinjaItems(run, self)) {
    if (!run.Step()) return {};
    const JinjaValue value = kOfAttribute ? JinjaPath(run, item, arguments.positional[0]) : item;
    if (!run.ok()) return {};
    const bool holds = applied.function == nullptr
                           ? JinjaIsTrue(value)
                           : JinjaIsTrue(applied.function(run, value, applied.arguments));
    if (holds == kKeep) items.push_back(item);
  }
  return run.Iterator(std::move(items));
}

}  // namespace

std::span<const JinjaEntry> JinjaSelectFilters() {
  static constexpr JinjaEntry kFilters[] = {
      {"map", Map},
      {"select", Select<true, false>},
      {"reject", Select<false, false>},
      {"selectattr", Select<true, true>},
      {"rejectattr", Select<false, true>},
  };
  return kFilters;
}

}  // namespace octet
