// Methods of lists, dicts and the variable `loop`.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_repr.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

JinjaValue CountItem(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "count", arguments, {""}, 1);
  int64_t count = 0;
  for (const JinjaValue& item : self.items()) {
    if (!run.ok()) break;
    if (JinjaEqual(run, item, parameters.Get(0))) ++count;
  }
  return JinjaValue::Int(count);
}

JinjaValue IndexOf(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "index", arguments, {"", "", ""}, 1);
  const auto size = static_cast<int64_t>(self.items().size());
  int64_t start = parameters.Integer(1, 0), stop = parameters.Integer(2, size);
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (stop < 0) stop = std::max<int64_t>(0, stop + size);
  for (int64_t i = start; i < std::min(stop, size) && run.ok(); ++i) {
    if (JinjaEqual(run, self.items()[static_cast<size_t>(i)], parameters.Get(0))) {
      return JinjaValue::Int(i);
    }
  }
  return run.FailType("index() did not find the item");
}

JinjaValue Copy(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "copy", arguments, {});
  return self;
}

JinjaValue Get(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "get", arguments, {"", ""}, 1);
  const JinjaValue key = parameters.Get(0);
  if (!JinjaDict::MayBeKey(key) && !key.Is(Kind::kUndefined)) {
    return run.FailType("unhashable type: " + std::string(JinjaTypeName(key)));
  }
  const JinjaValue* value = self.dict().Find(key);
  return value != nullptr ? *value : parameters.Get(1);
}

template <JinjaView::Kind kKind>
JinjaValue ViewOf(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a view of a dict", arguments, {});
  auto view = std::make_shared<JinjaView>();
  view->kind = kKind;
  view->dict = self;
  return JinjaValue::Of(std::shared_ptr<const JinjaView>(std::move(view)));
}

JinjaValue Cycle(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    return run.FailType("loop.cycle takes the values to cycle through");
  }
  return arguments.positional[self.loop().index0 % arguments.positional.size()];
}

JinjaValue Changed(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  if (!arguments.named.empty()) return run.FailType("loop.changed takes no names");
  JinjaLoop& loop = self.loop();
  const JinjaValue now = run.Tuple(arguments.positional);
  const bool same = loop.last_changed.has_value() && JinjaEqual(run, *loop.last_changed, now);
  loop.last_changed = now;
  return JinjaValue::Bool(!same);
}

}  // namespace

std::span<const JinjaEntry> JinjaListMethods() {
  static constexpr JinjaEntry kMethods[] = {
      {"count", CountItem}, {"index", IndexOf}, {"copy", Copy}};
  return kMethods;
}

std::span<const JinjaEntry> JinjaDictMethods() {
  static constexpr JinjaEntry kMethods[] = {
      {"get", Get},
      {"keys", ViewOf<JinjaView::Kind::kKeys>},
      {"values", ViewOf<JinjaView::Kind::kValues>},
      {"items", ViewOf<JinjaView::Kind::kItems>},
      {"copy", Copy},
      {"fromkeys", nullptr},
  };
  return kMethods;
}

std::span<const JinjaEntry> JinjaLoopMethods() {
  static constexpr JinjaEntry kMethods[] = {{"cycle", Cycle}, {"changed", Changed}};
  return kMethods;
}

}  // namespace octet
