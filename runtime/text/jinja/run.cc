#include "runtime/text/jinja/run.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/text/jinja/limits.h"

namespace octet::jinja {
namespace {

constexpr size_t kItemBytes = 32;  // about the bytes of an item of a list

absl::string_view AsAbsl(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Value Run::Fail(ErrorKind kind, std::string_view message) {
  if (!ok()) return {};
  status_ = kind == ErrorKind::kRaised
                ? TemplateError(kind, message)
                : TemplateError(kind, absl::StrCat("the chat template fails on line ", line_, ": ",
                                                   AsAbsl(message)));
  return {};
}

Value Run::FailUnsupported(std::string_view what) {
  return Fail(ErrorKind::kUnsupported, absl::StrCat(AsAbsl(what), " is not supported"));
}

Value Run::FailUndefined(const Value& undefined) {
  return Fail(undefined.undefined().kind, undefined.undefined().message);
}

bool Run::Step(int64_t steps) {
  if (!ok()) return false;
  steps_ += steps;
  if (steps_ > kMaxSteps) {
    Fail(ErrorKind::kLimit, "it takes too many steps; at most 3 million are allowed");
  }
  return ok();
}

bool Run::Make(size_t bytes) {
  if (!ok()) return false;
  if (bytes > kMaxMade - made_) {
    Fail(ErrorKind::kLimit, "it needs too much memory; at most 128 MiB are allowed");
    return false;
  }
  made_ += bytes;
  return Read(bytes / 8);
}

bool Run::MakeText(size_t bytes) { return Grow(0, bytes); }

bool Run::Grow(size_t size, size_t bytes) {
  if (bytes > kMaxText || size > kMaxText - bytes) {
    Fail(ErrorKind::kLimit, "a string gets too long; at most 64 MiB are allowed");
  }
  return Make(bytes);
}

Value Run::Text(jinja::Text text) {
  if (!MakeText(text.size())) return {};
  return Value::String(std::move(text));
}

Value Run::Text(std::string_view text) { return Text(jinja::Text(text)); }

Value Run::OfList(jinja::List::Kind kind, std::vector<Value> items) {
  if (!Make((items.size() + 2) * kItemBytes)) return {};
  return Checked(Value::Of(std::make_shared<const jinja::List>(kind, std::move(items))));
}

Value Run::List(std::vector<Value> items) {
  return OfList(jinja::List::Kind::kList, std::move(items));
}

Value Run::Tuple(std::vector<Value> items) {
  return OfList(jinja::List::Kind::kTuple, std::move(items));
}

Value Run::Dict(std::shared_ptr<jinja::Dict> dict) {
  if (!Make((dict->items().size() + 2) * 4 * kItemBytes)) return {};
  return Checked(Value::Of(std::shared_ptr<const jinja::Dict>(std::move(dict))));
}

Value Run::Iterator(std::vector<Value> items) {
  if (!Make((items.size() + 2) * kItemBytes)) return {};
  return Checked(Value::Of(std::make_shared<jinja::Iterator>(std::move(items))));
}

Value Run::Namespace(jinja::Dict attributes) {
  if (!Make((attributes.items().size() + 4) * 4 * kItemBytes)) return {};
  if (namespaces_.size() == kMaxFrames) {
    return Fail(ErrorKind::kLimit, "it makes too many namespaces");
  }
  namespaces_.push_back({std::move(attributes)});
  return Value::Of(&namespaces_.back());
}

Value Run::Function(std::string_view name, jinja::Function function, const Value& self) {
  if (!Make(sizeof(Callable))) return {};
  auto callable = std::make_shared<Callable>();
  callable->name = name;
  callable->function = function;
  callable->self = self;
  return Checked(Value::Of(std::shared_ptr<const Callable>(std::move(callable))));
}

Value Run::Checked(Value value) {
  if (value.depth() <= kMaxValueDepth) return value;
  return Fail(ErrorKind::kLimit, "values lie too deep in each other; 100 levels are allowed");
}

bool Run::Enter() {
  ++depth_;
  if (depth_ > kMaxDepth) {
    Fail(ErrorKind::kLimit, "calls and tags lie too deep in each other, or without end");
  }
  return Step();
}

}  // namespace octet::jinja
