// Filters that compare the items of a list.

#include <absl/strings/str_split.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/access.h"
#include "runtime/text/jinja/case.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

struct Keyed {
  Value key, item;
};

Value Folded(Run& run, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.Is(Kind::kString)) return value;
  if (!run.Read(value.text().size() * 16)) return {};
  return run.Text(Lower(value.text()));
}

std::vector<Keyed> WithKeys(Run& run, const std::vector<Value>& items, const Value& path,
                            bool case_sensitive) {
  std::vector<Keyed> keyed;
  keyed.reserve(items.size());
  for (const Value& item : items) {
    if (!run.Step()) break;
    keyed.push_back({Folded(run, FollowPath(run, item, path), case_sensitive), item});
  }
  return keyed;
}

// Sorts by merging, because comparisons may end the run, and may give no order (NaN).
void SortByKey(Run& run, std::vector<Keyed>& items, bool reverse) {
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
                           (reverse ? Compare(run, "<", items[a].key, items[b].key)
                                    : Compare(run, "<", items[b].key, items[a].key)));
        merged.push_back(std::move(items[takes_b ? b++ : a++]));
      }
    }
    items = std::move(merged);
  }
}

Value ListOf(Run& run, std::vector<Keyed> keyed) {
  std::vector<Value> items;
  items.reserve(keyed.size());
  for (Keyed& entry : keyed) items.push_back(std::move(entry.item));
  return run.List(std::move(items));
}

// Returns sort's key: the list of all attributes that "a,b" names.
Value SortKey(Run& run, const Value& item, const Value& attribute, bool case_sensitive) {
  std::vector<Value> keys;
  if (attribute.Is(Kind::kString)) {
    for (const absl::string_view part : absl::StrSplit(attribute.text().bytes(), ',')) {
      const Value path = run.Text(std::string_view(part.data(), part.size()));
      keys.push_back(Folded(run, FollowPath(run, item, path), case_sensitive));
    }
  } else {
    keys.push_back(Folded(run, FollowPath(run, item, attribute), case_sensitive));
  }
  return run.List(std::move(keys));
}

Value Sort(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Keyed> keyed;
  for (const Value& item : ItemsOf(run, self)) {
    if (!run.Step()) return {};
    keyed.push_back({SortKey(run, item, parameters.Get(2), parameters.Truth(1, false)), item});
  }
  SortByKey(run, keyed, parameters.Truth(0, false));
  return ListOf(run, std::move(keyed));
}

Value Unique(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "unique", arguments, {"case_sensitive", "attribute"});
  Dict seen;
  bool seen_undefined = false;
  std::vector<Value> items;
  for (const Keyed& entry :
       WithKeys(run, ItemsOf(run, self), parameters.Get(1), parameters.Truth(0, false))) {
    if (!run.Make(64)) return {};
    if (entry.key.Is(Kind::kUndefined)) {
      if (!std::exchange(seen_undefined, true)) items.push_back(entry.item);
      continue;
    }
    if (!Dict::MayBeKey(entry.key)) {
      return run.FailType("unhashable type: " + std::string(TypeName(entry.key)));
    }
    if (seen.Find(entry.key) != nullptr) continue;
    seen.Set(entry.key, {});
    items.push_back(entry.item);
  }
  return run.Iterator(std::move(items));
}

template <bool kMax>
Value Extreme(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "min or max", arguments, {"case_sensitive", "attribute"});
  std::vector<Keyed> keyed =
      WithKeys(run, ItemsOf(run, self), parameters.Get(1), parameters.Truth(0, false));
  if (keyed.empty()) {
    return Value::Undefined({"No aggregated item, sequence was empty."});
  }
  const Keyed* best = &keyed[0];
  for (size_t i = 1; i < keyed.size() && run.ok(); ++i) {
    if (Compare(run, kMax ? ">" : "<", keyed[i].key, best->key)) best = &keyed[i];
  }
  return best->item;
}

Value DictSort(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "dictsort", arguments, {"case_sensitive", "by", "reverse"});
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

Value GroupBy(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "groupby", arguments, {"attribute", "default", "case_sensitive"},
                              1);
  const bool case_sensitive = parameters.Truth(2, false);
  const auto key_of = [&](const Value& item) {
    const Value key = FollowPath(run, item, parameters.Get(0));
    const bool defaults = key.Is(Kind::kUndefined) && !parameters.Get(1).Is(Kind::kNone);
    return defaults ? parameters.Get(1) : key;
  };
  std::vector<Keyed> keyed;
  for (const Value& item : ItemsOf(run, self)) {
    if (!run.Step()) return {};
    keyed.push_back({Folded(run, key_of(item), case_sensitive), item});
  }
  SortByKey(run, keyed, /*reverse=*/false);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < keyed.size() && run.ok();) {
    std::vector<Value> items;
    size_t end = begin;
    while (end < keyed.size() && AreEqual(run, keyed[begin].key, keyed[end].key)) {
      items.push_back(keyed[end++].item);
    }
    if (!run.ok() || items.empty()) break;
    std::vector<Value> pair = {key_of(keyed[begin].item), run.List(std::move(items))};
    groups.push_back(Value::Of(std::make_shared<const List>(List::Kind::kGroup, std::move(pair))));
    begin = end;
  }
  return run.List(std::move(groups));
}

}  // namespace

std::span<const Entry> OrderFilters() {
  static constexpr Entry kFilters[] = {
      {"sort", Sort},         {"unique", Unique},     {"min", Extreme<false>},
      {"max", Extreme<true>}, {"dictsort", DictSort}, {"groupby", GroupBy},
  };
  return kFilters;
}

}  // namespace octet::jinja
