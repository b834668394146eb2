// Methods of lists, dicts and the variable `loop`.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

Value CountItem(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "count", arguments, {""}, 1);
  int64_t count = 0;
  for (const Value& item : self.items()) {
    if (!run.ok()) break;
    if (AreEqual(run, item, parameters.Get(0))) ++count;
  }
  return Value::Int(count);
}

Value IndexOf(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "index", arguments, {"", "", ""}, 1);
  const auto size = static_cast<int64_t>(self.items().size());
  int64_t start = parameters.Integer(1, 0), stop = parameters.Integer(2, size);
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (stop < 0) stop = std::max<int64_t>(0, stop + size);
  for (int64_t i = start; i < std::min(stop, size) && run.ok(); ++i) {
    if (AreEqual(run, self.items()[static_cast<size_t>(i)], parameters.Get(0))) {
      return Value::Int(i);
    }
  }
  return run.FailType("index() did not find the item");
}

Value Copy(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "copy", arguments, {});
  return self;
}

Value Get(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "get", arguments, {"", ""}, 1);
  const Value key = parameters.Get(0);
  if (!Dict::MayBeKey(key) && !key.Is(Kind::kUndefined)) {
    return run.FailType("unhashable type: " + std::string(TypeName(key)));
  }
  const Value* value = self.dict().Find(key);
  return value != nullptr ? *value : parameters.Get(1);
}

template <View::Kind kKind>
Value ViewOf(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a view of a dict", arguments, {});
  auto view = std::make_shared<View>();
  view->kind = kKind;
  view->dict = self;
  return Value::Of(std::shared_ptr<const View>(std::move(view)));
}

Value Cycle(Run& run, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    return run.FailType("loop.cycle takes the values to cycle through");
  }
  return arguments.positional[self.loop().index0 % arguments.positional.size()];
}

Value HasChanged(Run& run, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty()) return run.FailType("loop.changed takes no names");
  Loop& loop = self.loop();
  const Value now = run.Tuple(arguments.positional);
  const bool same = loop.last_changed.has_value() && AreEqual(run, *loop.last_changed, now);
  loop.last_changed = now;
  return Value::Bool(!same);
}

}  // namespace

std::span<const Entry> ListMethods() {
  static constexpr Entry kMethods[] = {{"count", CountItem}, {"index", IndexOf}, {"copy", Copy}};
  return kMethods;
}

std::span<const Entry> DictMethods() {
  static constexpr Entry kMethods[] = {
      {"get", Get},
      {"keys", ViewOf<View::Kind::kKeys>},
      {"values", ViewOf<View::Kind::kValues>},
      {"items", ViewOf<View::Kind::kItems>},
      {"copy", Copy},
      {"fromkeys", nullptr},
  };
  return kMethods;
}

std::span<const Entry> LoopMethods() {
  static constexpr Entry kMethods[] = {{"cycle", Cycle}, {"changed", HasChanged}};
  return kMethods;
}

}  // namespace octet::jinja
