// map, select and the like: filters and tests applied to each item.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/access.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

// The function that the argument at `index` names, and the arguments after it.
struct Applied {
  Function function = nullptr;
  Arguments arguments;
};

Applied NamedFunction(Run& run, const Arguments& arguments, size_t index,
                      const Entry* (*find)(std::string_view), std::string_view what) {
  Applied applied;
  const Value& name = arguments.positional[index];
  const Entry* entry = name.Is(Kind::kString) ? find(name.text().view()) : nullptr;
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

Value MapAttribute(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "map", arguments, {"attribute", "default"});
  std::vector<Value> items;
  for (const Value& item : ItemsOf(run, self)) {
    if (!run.Step()) return {};
    const Value value = FollowPath(run, item, parameters.Get(0));
    const bool defaults = value.Is(Kind::kUndefined) && !parameters.Get(1).Is(Kind::kNone);
    items.push_back(defaults ? parameters.Get(1) : value);
  }
  return run.Iterator(std::move(items));
}

bool HasNamed(const Arguments& arguments, std::string_view wanted) {
  for (const auto& argument : arguments.named) {
    if (argument.first == wanted) return true;
  }
  return false;
}

Value Map(Run& run, const Value& self, const Arguments& arguments) {
  if (!IsTrue(self)) return run.Iterator({});
  if (arguments.positional.empty()) {
    if (HasNamed(arguments, "attribute")) return MapAttribute(run, self, arguments);
    return run.FailType("map takes the name of a filter, or attribute=");
  }
  const Level level(run);
  if (!level.ok()) return {};
  const Applied applied = NamedFunction(run, arguments, 0, FindFilter, "filter");
  std::vector<Value> items;
  for (const Value& item : ItemsOf(run, self)) {
    if (!run.Step()) return {};
    items.push_back(applied.function(run, item, applied.arguments));
  }
  return run.Iterator(std::move(items));
}

template <bool kKeep, bool kOfAttribute>
Value Select(Run& run, const Value& self, const Arguments& arguments) {
  const size_t test = kOfAttribute ? 1 : 0;
  if (!IsTrue(self)) return run.Iterator({});
  if (arguments.positional.size() < test) return run.FailType("an attribute's name is missing");
  const Level level(run);
  if (!level.ok()) return {};
  Applied applied;
  if (arguments.positional.size() > test) {
    applied = NamedFunction(run, arguments, test, FindTest, "test");
  }
  std::vector<Value> items;
  for (const Value& item : ItemsOf(run, self)) {
    if (!run.Step()) return {};
    const Value value = kOfAttribute ? FollowPath(run, item, arguments.positional[0]) : item;
    if (!run.ok()) return {};
    const bool holds = applied.function == nullptr
                           ? IsTrue(value)
                           : IsTrue(applied.function(run, value, applied.arguments));
    if (holds == kKeep) items.push_back(item);
  }
  return run.Iterator(std::move(items));
}

}  // namespace

std::span<const Entry> SelectFilters() {
  static constexpr Entry kFilters[] = {
      {"map", Map},
      {"select", Select<true, false>},
      {"reject", Select<false, false>},
      {"selectattr", Select<true, true>},
      {"rejectattr", Select<false, true>},
  };
  return kFilters;
}

}  // namespace octet::jinja
