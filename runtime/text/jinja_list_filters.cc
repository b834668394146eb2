// Filters that take lists apart and put them together.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja_access.h"
#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_arithmetic.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_repr.h"
#include "runtime/text/jinja_unicode.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

JinjaValue First(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "first", arguments, {});
  if (self.Is(Kind::kList) && !self.items().empty()) return self.items()[0];
  if (self.Is(Kind::kString) && !self.text().empty()) {
    return JinjaItem(run, self, JinjaValue::Int(0));
  }
  if (self.Is(Kind::kIterator)) {
    JinjaIterator& iterator = self.iterator();
    if (iterator.next < iterator.items.size()) return iterator.items[iterator.next++];
  }
  const std::vector<JinjaValue> items = JinjaItems(run, self);
  if (!items.empty()) return items.front();
  return JinjaValue::Undefined({"No first item, sequence was empty."});
}

// Iterators and values without an order can't be walked through backwards.
bool IsReversible(JinjaRun& run, const JinjaValue& value) {
  if (!value.Is(Kind::kIterator)) return true;
  run.FailType("a generator is not reversible; use the filter 'list' first");
  return false;
}

JinjaValue Last(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "last", arguments, {});
  if (!IsReversible(run, self)) return {};
  if (self.Is(Kind::kList) && !self.items().empty()) return self.items().back();
  if (self.Is(Kind::kString) && !self.text().empty()) {
    return JinjaItem(run, self, JinjaValue::Int(-1));
  }
  const std::vector<JinjaValue> items = JinjaItems(run, self);
  if (!items.empty()) return items.back();
  return JinjaValue::Undefined({"No last item, sequence was empty."});
}

JinjaValue ToList(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "list", arguments, {});
  return run.List(JinjaItems(run, self));
}

JinjaValue Reverse(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "reverse", arguments, {});
  std::vector<JinjaValue> items = JinjaItems(run, self);
  if (!self.Is(Kind::kString)) {
    std::reverse(items.begin(), items.end());
    return run.Iterator(std::move(items));
  }
  JinjaText text;
  for (size_t i = items.size(); i > 0; --i) text.Append(items[i - 1].text());
  return run.Text(std::move(text));
}

JinjaValue Sum(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "sum", arguments, {"attribute", "start"});
  JinjaValue sum = parameters.Has(1) ? parameters.Get(1) : JinjaValue::Int(0);
  if (sum.Is(Kind::kString)) return run.FailType("sum can't add strings; use join");
  for (const JinjaValue& item : JinjaItems(run, self)) {
    if (!run.ok()) break;
    sum = JinjaBinary(run, "+", sum, JinjaPath(run, item, parameters.Get(0)));
  }
  return sum;
}

JinjaValue Items(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "items", arguments, {});
  if (self.Is(Kind::kUndefined)) return run.Iterator({});
  if (!self.Is(Kind::kDict)) return run.FailType("items takes a mapping");
  auto view = std::make_shared<JinjaView>();
  view->kind = JinjaView::Kind::kItems;
  view->dict = self;
  return run.Iterator(
      JinjaItems(run, JinjaValue::Of(std::shared_ptr<const JinjaView>(std::move(view)))));
}

JinjaValue Batch(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t count = parameters.Integer(0, 1);
  if (run.ok() && (count < 1 || count > 100'000)) {
    return run.FailUnsupported("batches of less than 1 or more than 100000 items");
  }
  std::vector<JinjaValue> batches, batch;
  for (JinjaValue& item : JinjaItems(run, self)) {
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

JinjaValue Slice(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "slice", arguments, {"slices", "fill_with"}, 1);
  const int64_t count = parameters.Integer(0, 1);
  if (run.ok() && (count < 1 || count > 100'000)) {
    return run.FailUnsupported("less than 1 or more than 100000 slices");
  }
  const std::vector<JinjaValue> items = JinjaItems(run, self);
  const auto size = static_cast<int64_t>(items.size());
  const int64_t each = size / count, longer = size % count;
  std::vector<JinjaValue> slices;
  for (int64_t i = 0, at = 0; i < count && run.ok(); ++i) {
    const int64_t end = at + each + (i < longer ? 1 : 0);
    std::vector<JinjaValue> slice(items.begin() + at, items.begin() + end);
    if (i >= longer && !parameters.Get(1).Is(Kind::kNone)) slice.push_back(parameters.Get(1));
    slices.push_back(run.List(std::move(slice)));
    at = end;
  }
  return run.Iterator(std::move(slices));
}

}  // namespace

std::span<const JinjaEntry> JinjaListFilters() {
  static constexpr JinjaEntry kFilters[] = {
      {"first", First}, {"last", Last},   {"list", ToList}, {"reverse", Reverse},
      {"sum", Sum},     {"items", Items}, {"batch", Batch}, {"slice", Slice},
  };
  return kFilters;
}

}  // namespace octet
