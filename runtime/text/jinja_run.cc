#include "runtime/text/jinja_run.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/text/jinja_limits.h"

namespace octet {
namespace {

constexpr size_t kItemBytes = 32;  // about what an item of a list takes

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

JinjaValue JinjaRun::Fail(JinjaErrorKind kind, std::string_view message) {
  if (!ok()) return {};
  status_ = kind == JinjaErrorKind::kRaised
                ? JinjaError(kind, message)
                : JinjaError(kind, absl::StrCat("the chat template fails on line ", line_, ": ",
                                                View(message)));
  return {};
}

JinjaValue JinjaRun::FailUnsupported(std::string_view what) {
  return Fail(JinjaErrorKind::kUnsupported, absl::StrCat(View(what), " is not supported"));
}

JinjaValue JinjaRun::FailUndefined(const JinjaValue& undefined) {
  return Fail(undefined.undefined().kind, undefined.undefined().message);
}

bool JinjaRun::Step(int64_t steps) {
  if (!ok()) return false;
  steps_ += steps;
  if (steps_ > kMaxJinjaSteps) {
    Fail(JinjaErrorKind::kLimit, "it takes too many steps; at most 3 million are allowed");
  }
  return ok();
}

bool JinjaRun::Make(size_t bytes) {
  if (!ok()) return false;
  if (bytes > kMaxJinjaMade - made_) {
    Fail(JinjaErrorKind::kLimit, "it needs too much memory; at most 128 MiB are allowed");
    return false;
  }
  made_ += bytes;
  return Read(bytes / 8);
}

bool JinjaRun::MakeText(size_t bytes) { return Grow(0, bytes); }

bool JinjaRun::Grow(size_t size, size_t bytes) {
  if (bytes > kMaxJinjaText || size > kMaxJinjaText - bytes) {
    Fail(JinjaErrorKind::kLimit, "a string gets too long; at most 64 MiB are allowed");
  }
  return Make(bytes);
}

JinjaValue JinjaRun::Text(JinjaText text) {
  if (!MakeText(text.size())) return {};
  return JinjaValue::String(std::move(text));
}

JinjaValue JinjaRun::Text(std::string_view text) { return Text(JinjaText(text)); }

JinjaValue JinjaRun::OfList(JinjaList::Kind kind, std::vector<JinjaValue> items) {
  if (!Make((items.size() + 2) * kItemBytes)) return {};
  return Checked(JinjaValue::Of(std::make_shared<const JinjaList>(kind, std::move(items))));
}

JinjaValue JinjaRun::List(std::vector<JinjaValue> items) {
  return OfList(JinjaList::Kind::kList, std::move(items));
}

JinjaValue JinjaRun::Tuple(std::vector<JinjaValue> items) {
  return OfList(JinjaList::Kind::kTuple, std::move(items));
}

JinjaValue JinjaRun::Dict(std::shared_ptr<JinjaDict> dict) {
  if (!Make((dict->items().size() + 2) * 4 * kItemBytes)) return {};
  return Checked(JinjaValue::Of(std::shared_ptr<const JinjaDict>(std::move(dict))));
}

JinjaValue JinjaRun::Iterator(std::vector<JinjaValue> items) {
  if (!Make((items.size() + 2) * kItemBytes)) return {};
  return Checked(JinjaValue::Of(std::make_shared<JinjaIterator>(std::move(items))));
}

JinjaValue JinjaRun::Namespace(JinjaDict attributes) {
  if (!Make((attributes.items().size() + 4) * 4 * kItemBytes)) return {};
  if (namespaces_.size() == kMaxJinjaFrames) {
    return Fail(JinjaErrorKind::kLimit, "it makes too many namespaces");
  }
  namespaces_.push_back({std::move(attributes)});
  return JinjaValue::Of(&namespaces_.back());
}

JinjaValue JinjaRun::Function(std::string_view name, JinjaFunction function,
                              const JinjaValue& self) {
  if (!Make(sizeof(JinjaCallable))) return {};
  auto callable = std::make_shared<JinjaCallable>();
  callable->name = name;
  callable->function = function;
  callable->self = self;
  return Checked(JinjaValue::Of(std::shared_ptr<const JinjaCallable>(std::move(callable))));
}

JinjaValue JinjaRun::Checked(JinjaValue value) {
  if (value.depth() <= kMaxJinjaValueDepth) return value;
  return Fail(JinjaErrorKind::kLimit, "values lie too deep in each other; 100 levels are allowed");
}

bool JinjaRun::Enter() {
  ++depth_;
  if (depth_ > kMaxJinjaDepth) {
    Fail(JinjaErrorKind::kLimit, "calls and tags lie too deep in each other, or without end");
  }
  return Step();
}

}  // namespace octet
