// Filters that compare the items of a list.

#include <absl/strings/str_split.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja_access.h"
#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_case.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_repr.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

struct Keyed {
  JinjaValue key, item;
};

JinjaValue Folded(JinjaRun& run, const JinjaValue& value, bool case_sensitive) {
  if (case_sensitive || !value.Is(Kind::kString)) return value;
  if (!run.Read(value.text().size() * 16)) return {};
  return run.Text(Lower(value.text()));
}

std::vector<Keyed> WithKeys(JinjaRun& run, const std::vector<JinjaValue>& items,
                            const JinjaValue& path, bool case_sensitive) {
  std::vector<Keyed> keyed;
  keyed.reserve(items.size());
  for (const JinjaValue& item : items) {
    if (!run.Step()) break;
    keyed.push_back({Folded(run, JinjaPath(run, item, path), case_sensitive), item});
  }
  return keyed;
}

// A comparison may end a run, and be no order (NaN) then and otherwise: merging bears both.
void SortByKey(JinjaRun& run, std::vector<Keyed>& items, bool reverse) {
  if (!run.Make(items.size() * sizeof(Keyed))) return;
  for (size_t width = 1; width < items.size() && run.ok(); width *= 2) {
    std::vector<Keyed> merged;
    merged.reserve(items.size());
    for (size_t begin = 0; begin < items.size(); begin += 2 * width) {
      size_t a = begin, b = std::min(begin + width, items.size());
      const size_t a_end = b, b_end = std::min(begin + 2 * width, items.size());
      while (a < a_end || b < b_end) {
        const bool takes_b =
            a == a_end || (b < b_end && run.ok() &&
                           (reverse ? JinjaCompare(run, "<", items[a].key, items[b].key)
                                    : JinjaCompare(run, "<", items[b].key, items[a].key)));
        merged.push_back(std::move(items[takes_b ? b++ : a++]));
      }
    }
    items = std::move(merged);
  }
}

JinjaValue ListOf(JinjaRun& run, std::vector<Keyed> keyed) {
  std::vector<JinjaValue> items;
  items.reserve(keyed.size());
  for (Keyed& entry : keyed) items.push_back(std::move(entry.item));
  return run.List(std::move(items));
}

// sort's key: the list of all attributes that "a,b" names.
JinjaValue SortKey(JinjaRun& run, const JinjaValue& item, const JinjaValue& attribute,
                   bool case_sensitive) {
  std::vector<JinjaValue> keys;
  if (attribute.Is(Kind::kString)) {
    for (const absl::string_view part : absl::StrSplit(attribute.text().bytes(), ',')) {
      const JinjaValue path = run.Text(std::string_view(part.data(), part.size()));
      keys.push_back(Folded(run, JinjaPath(run, item, path), case_sensitive));
    }
  } else {
    keys.push_back(Folded(run, JinjaPath(run, item, attribute), case_sensitive));
  }
  return run.List(std::move(keys));
}

JinjaValue Sort(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "sort", arguments,
                                   {"reverse", "case_sensitive", "attribute"});
  std::vector<Keyed> keyed;
  for (const JinjaValue& item : JinjaItems(run, self)) {
    if (!run.Step()) return {};
    keyed.push_back({SortKey(run, item, parameters.Get(2), parameters.Truth(1, false)), item});
  }
  SortByKey(run, keyed, parameters.Truth(0, false));
  return ListOf(run, std::move(keyed));
}

JinjaValue Unique(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "unique", arguments, {"case_sensitive", "attribute"});
  JinjaDict seen;
  bool seen_undefined = false;
  std::vector<JinjaValue> items;
  for (const Keyed& entry :
       WithKeys(run, JinjaItems(run, self), parameters.Get(1), parameters.Truth(0, false))) {
    if (!run.Make(64)) return {};
    if (entry.key.Is(Kind::kUndefined)) {
      if (!std::exchange(seen_undefined, true)) items.push_back(entry.item);
      continue;
    }
    if (!JinjaDict::MayBeKey(entry.key)) {
      return run.FailType("unhashable type: " + std::string(JinjaTypeName(entry.key)));
    }
    if (seen.Find(entry.key) != nullptr) continue;
    seen.Set(entry.key, {});
    items.push_back(entry.item);
  }
  return run.Iterator(std::move(items));
}

template <bool kMax>
JinjaValue Extreme(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "min or max", arguments, {"case_sensitive", "attribute"});
  std::vector<Keyed> keyed =
      WithKeys(run, JinjaItems(run, self), parameters.Get(1), parameters.Truth(0, false));
  if (keyed.empty()) {
    return JinjaValue::Undefined({"No aggregated item, sequence was empty."});
  }
  const Keyed* best = &keyed[0];
  for (size_t i = 1; i < keyed.size() && run.ok(); ++i) {
    if (JinjaCompare(run, kMax ? ">" : "<", keyed[i].key, best->key)) best = &keyed[i];
  }
  return best->item;
}

JinjaValue DictSort(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = parameters.Text(1, "key").bytes();
  if (by != "key" && by != "value") return run.FailType("dictsort sorts by key or value");
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (!self.Is(Kind::kDict)) return run.FailType("dictsort takes a mapping");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : self.dict().items()) {
    if (!run.Step()) return {};
    keyed.push_back({Folded(run, by == "key" ? key : value, parameters.Truth(0, false)),
                     run.Tuple({key, value})});
  }
  SortByKey(run, keyed, parameters.Truth(2, false));
  return ListOf(run, std::move(keyed));
}

JinjaValue GroupBy(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "groupby", arguments,
                                   {"attribute", "default", "case_sensitive"}, 1);
  const bool case_sensitive = parameters.Truth(2, false);
  const auto key_of = [&](const JinjaValue& item) {
    const JinjaValue key = JinjaPath(run, item, parameters.Get(0));
    const bool defaults = key.Is(Kind::kUndefined) && !parameters.Get(1).Is(Kind::kNone);
    return defaults ? parameters.Get(1) : key;
  };
  std::vector<Keyed> keyed;
  for (const JinjaValue& item : JinjaItems(run, self)) {
    if (!run.Step()) return {};
    keyed.push_back({Folded(run, key_of(item), case_sensitive), item});
  }
  SortByKey(run, keyed, /*reverse=*/false);
  std::vector<JinjaValue> groups;
  for (size_t begin = 0; begin < keyed.size() && run.ok();) {
    std::vector<JinjaValue> items;
    size_t end = begin;
    while (end < keyed.size() && JinjaEqual(run, keyed[begin].key, keyed[end].key)) {
      items.push_back(keyed[end++].item);
    }
    if (!run.ok() || items.empty()) break;
    std::vector<JinjaValue> pair = {key_of(keyed[begin].item), run.List(std::move(items))};
    groups.push_back(JinjaValue::Of(
        std::make_shared<const JinjaList>(JinjaList::Kind::kGroup, std::move(pair))));
    begin = end;
  }
  return run.List(std::move(groups));
}

}  // namespace

std::span<const JinjaEntry> JinjaOrderFilters() {
  static constexpr JinjaEntry kFilters[] = {
      {"sort", Sort},         {"unique", Unique},     {"min", Extreme<false>},
      {"max", Extreme<true>}, {"dictsort", DictSort}, {"groupby", GroupBy},
  };
  return kFilters;
}

}  // namespace octet
