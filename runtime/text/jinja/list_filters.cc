// Filters that take lists apart and put them together.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/access.h"
#include "runtime/text/jinja/arithmetic.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

Value First(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "first", arguments, {});
  if (self.Is(Kind::kList) && !self.items().empty()) return self.items()[0];
  if (self.Is(Kind::kString) && !self.text().empty()) {
    return ItemOf(run, self, Value::Int(0));
  }
  if (self.Is(Kind::kIterator)) {
    Iterator& iterator = self.iterator();
    if (iterator.next < iterator.items.size()) return iterator.items[iterator.next++];
  }
  const std::vector<Value> items = ItemsOf(run, self);
  if (!items.empty()) return items.front();
  return Value::Undefined({"No first item, sequence was empty."});
}

// Returns whether the value can be reversed. An iterator cannot.
bool IsReversible(Run& run, const Value& value) {
  if (!value.Is(Kind::kIterator)) return true;
  run.FailType("a generator is not reversible; use the filter 'list' first");
  return false;
}

Value Last(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "last", arguments, {});
  if (!IsReversible(run, self)) return {};
  if (self.Is(Kind::kList) && !self.items().empty()) return self.items().back();
  if (self.Is(Kind::kString) && !self.text().empty()) {
    return ItemOf(run, self, Value::Int(-1));
  }
  const std::vector<Value> items = ItemsOf(run, self);
  if (!items.empty()) return items.back();
  return Value::Undefined({"No last item, sequence was empty."});
}

Value ToList(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "list", arguments, {});
  return run.List(ItemsOf(run, self));
}

Value Reverse(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "reverse", arguments, {});
  std::vector<Value> items = ItemsOf(run, self);
  if (!self.Is(Kind::kString)) {
    std::reverse(items.begin(), items.end());
    return run.Iterator(std::move(items));
  }
  Text text;
  for (size_t i = items.size(); i > 0; --i) text.Append(items[i - 1].text());
  return run.Text(std::move(text));
}

Value Sum(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "sum", arguments, {"attribute", "start"});
  Value sum = parameters.Has(1) ? parameters.Get(1) : Value::Int(0);
  if (sum.Is(Kind::kString)) return run.FailType("sum can't add strings; use join");
  for (const Value& item : ItemsOf(run, self)) {
    if (!run.ok()) break;
    sum = Calculate(run, "+", sum, FollowPath(run, item, parameters.Get(0)));
  }
  return sum;
}

Value Items(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "items", arguments, {});
  if (self.Is(Kind::kUndefined)) return run.Iterator({});
  if (!self.Is(Kind::kDict)) return run.FailType("items takes a mapping");
  auto view = std::make_shared<View>();
  view->kind = View::Kind::kItems;
  view->dict = self;
  return run.Iterator(ItemsOf(run, Value::Of(std::shared_ptr<const View>(std::move(view)))));
}

Value Batch(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t count = parameters.Integer(0, 1);
  if (run.ok() && (count < 1 || count > 100'000)) {
    return run.FailUnsupported("batches of less than 1 or more than 100000 items");
  }
  std::vector<Value> batches, batch;
  for (Value& item : ItemsOf(run, self)) {
    if (!run.Step()) return {};
    if (batch.size() == static_cast<size_t>(count)) {
      batches.push_back(run.List(std::exchange(batch, {})));
    }
    batch.push_back(std::move(item));
  }
  if (!batch.empty()) {
    if (!parameters.Get(1).Is(Kind::kNone)) {
      batch.resize(static_cast<size_t>(count), parameters.Get(1));
    }
    batches.push_back(run.List(std::move(batch)));
  }
  return run.Iterator(std::move(batches));
}

Value Slice(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "slice", arguments, {"slices", "fill_with"}, 1);
  const int64_t count = parameters.Integer(0, 1);
  if (run.ok() && (count < 1 || count > 100'000)) {
    return run.FailUnsupported("less than 1 or more than 100000 slices");
  }
  const std::vector<Value> items = ItemsOf(run, self);
  const auto size = static_cast<int64_t>(items.size());
  const int64_t each = size / count, longer = size % count;
  std::vector<Value> slices;
  for (int64_t i = 0, at = 0; i < count && run.ok(); ++i) {
    const int64_t end = at + each + (i < longer ? 1 : 0);
    std::vector<Value> slice(items.begin() + at, items.begin() + end);
    if (i >= longer && !parameters.Get(1).Is(Kind::kNone)) slice.push_back(parameters.Get(1));
    slices.push_back(run.List(std::move(slice)));
    at = end;
  }
  return run.Iterator(std::move(slices));
}

}  // namespace

std::span<const Entry> ListFilters() {
  static constexpr Entry kFilters[] = {
      {"first", First}, {"last", Last},   {"list", ToList}, {"reverse", Reverse},
      {"sum", Sum},     {"items", Items}, {"batch", Batch}, {"slice", Slice},
  };
  return kFilters;
}

}  // namespace octet::jinja
