#include "runtime/text/jinja/access.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja/ast.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/literal.h"
#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

constexpr std::string_view kListMutators[] = {"append", "clear",  "extend",  "insert",
                                              "pop",    "remove", "reverse", "sort"};
constexpr std::string_view kDictMutators[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kNumberAttributes[] = {
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
    "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
    "numerator",        "real",      "to_bytes"};

template <typename Names>
bool Has(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::string Object(const Value& value) {
  if (value.Is(Kind::kNone)) return "None";
  return absl::StrCat(std::string(TypeName(value)), " object");
}

Value Unsafe(const Value& object, std::string_view name) {
  return Value::Undefined(
      {absl::StrCat("access to attribute ", Quoted(std::string(name)), " of a '",
                    std::string(TypeName(object)), "' object is unsafe"),
       ErrorKind::kSecurity});
}

Value NoAttribute(const Value& object, std::string_view name) {
  return Value::Undefined(
      {absl::StrCat("'", Object(object), "' has no attribute ", Quoted(std::string(name)))});
}

std::optional<Value> Method(Run& run, std::span<const Entry> methods, const Value& object,
                            std::string_view name) {
  for (const Entry& entry : methods) {
    if (entry.name != name) continue;
    if (entry.function == nullptr) {
      return run.FailUnsupported(absl::StrCat("the method '", std::string(name), "'"));
    }
    return run.Function(name, entry.function, object);
  }
  return std::nullopt;
}

std::optional<Value> LoopAttribute(Run& run, const Value& object, std::string_view name) {
  const Loop& loop = object.loop();
  const auto number = [](size_t value) { return Value::Int(static_cast<int64_t>(value)); };
  if (name == "index") return number(loop.index0 + 1);
  if (name == "index0") return number(loop.index0);
  if (name == "revindex") return number(loop.items.size() - loop.index0);
  if (name == "revindex0") return number(loop.items.size() - loop.index0 - 1);
  if (name == "first") return Value::Bool(loop.index0 == 0);
  if (name == "last") return Value::Bool(loop.index0 + 1 == loop.items.size());
  if (name == "length") return number(loop.items.size());
  if (name == "depth") return Value::Int(loop.depth0 + 1);
  if (name == "depth0") return Value::Int(loop.depth0);
  if (name == "previtem") {
    if (loop.index0 > 0) return loop.items[loop.index0 - 1];
    return Value::Undefined({"there is no previous item"});
  }
  if (name == "nextitem") {
    if (loop.index0 + 1 < loop.items.size()) return loop.items[loop.index0 + 1];
    return Value::Undefined({"there is no next item"});
  }
  return Method(run, LoopMethods(), object, name);
}

std::optional<Value> MacroAttribute(Run& run, const Callable& callable, std::string_view name) {
  if (callable.macro == nullptr) return std::nullopt;
  const Statement& macro = *callable.macro;
  if (name == "name") return run.Text(callable.name);
  if (name == "catch_kwargs") return Value::Bool(macro.kwargs.used);
  if (name == "catch_varargs") return Value::Bool(macro.varargs.used);
  if (name == "caller") return Value::Bool(macro.caller.used);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const auto& parameter : macro.parameters) names.push_back(run.Text(parameter->name));
  return run.Tuple(std::move(names));
}

std::optional<Value> ListAttribute(Run& run, const Value& object, std::string_view name) {
  if (object.list().kind == List::Kind::kGroup) {
    if (name == "grouper") return object.items()[0];
    if (name == "list") return object.items()[1];
  }
  if (!object.IsTuple() && Has(kListMutators, name)) return Unsafe(object, name);
  if (object.IsTuple() && name == "copy") return std::nullopt;
  return Method(run, ListMethods(), object, name);
}

// Returns what Python's getattr() finds in the sandbox.
std::optional<Value> PythonAttribute(Run& run, const Value& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::kString:
      if (auto method = Method(run, StringMethods(), object, name)) return method;
      return Method(run, SearchMethods(), object, name);
    case Kind::kList:
      return ListAttribute(run, object, name);
    case Kind::kDict:
      if (Has(kDictMutators, name)) return Unsafe(object, name);
      return Method(run, DictMethods(), object, name);
    case Kind::kLoop:
      return LoopAttribute(run, object, name);
    case Kind::kCallable:
      return MacroAttribute(run, object.callable(), name);
    case Kind::kNamespace:
      if (const Value* value = object.name_space().attributes.Find(name)) return *value;
      return std::nullopt;
    case Kind::kRange:
      if (name == "start") return Value::Int(object.range().start);
      if (name == "stop") return Value::Int(object.range().stop);
      if (name == "step") return Value::Int(object.range().step);
      if (name == "count" || name == "index") return run.FailUnsupported("a range's method");
      return std::nullopt;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      if (!Has(kNumberAttributes, name)) return std::nullopt;
      return run.FailUnsupported(absl::StrCat("the attribute '", std::string(name), "'"));
    default:
      return std::nullopt;
  }
}

bool IsDunder(std::string_view name) {
  return name.size() > 4 && name.substr(0, 2) == "__" && name.substr(name.size() - 2) == "__";
}

std::optional<Value> SequenceItem(Run& run, const Value& object, int64_t index) {
  const int64_t size = LengthOf(run, object);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  const auto at = static_cast<size_t>(index);
  if (object.Is(Kind::kList)) return object.items()[at];
  if (object.Is(Kind::kRange)) return Value::Int(object.range().At(at));
  const Text& text = object.text();
  if (!text.ascii() && !run.Read(text.size())) return Value();
  const size_t begin = text.ByteOf(at);
  size_t end = begin;
  NextCodePoint(text.view(), end);
  return run.Text(text.Part(begin, end));
}

std::optional<Value> PythonItem(Run& run, const Value& object, const Value& index) {
  switch (object.kind()) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kRange:
      if (!index.IsInteger()) return std::nullopt;
      return SequenceItem(run, object, index.AsInt());
    case Kind::kDict:
      if (const Value* value = object.dict().Find(index)) return *value;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// Returns a part of a slice, bounded as in Python's slice.indices().
int64_t SliceBound(const Value& value, int64_t none, int64_t low, int64_t high, int64_t size) {
  if (value.Is(Kind::kNone)) return none;
  int64_t bound = value.AsInt();
  if (bound < 0 && __builtin_add_overflow(bound, size, &bound)) bound = low;
  return std::clamp(bound, low, high);
}

Value Sliced(Run& run, const Value& object, const Range& indexes) {
  const auto count = static_cast<size_t>(indexes.size());
  if (object.Is(Kind::kList)) {
    if (!run.Make(count * sizeof(Value))) return {};
    std::vector<Value> items;
    items.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      items.push_back(object.items()[static_cast<size_t>(indexes.At(i))]);
    }
    return object.IsTuple() ? run.Tuple(std::move(items)) : run.List(std::move(items));
  }
  const Text& text = object.text();
  if (!run.Read(text.size())) return {};
  if (indexes.step == 1 || count == 0) {
    if (count == 0) return run.Text("");
    const auto first = static_cast<size_t>(indexes.start);
    return run.Text(text.Part(text.ByteOf(first), text.ByteOf(first + count)));
  }
  const std::vector<Value> characters = ItemsOf(run, object);
  Text part;
  for (size_t i = 0; i < count && run.ok(); ++i) {
    part.Append(characters[static_cast<size_t>(indexes.At(i))].text());
  }
  return run.Text(std::move(part));
}

}  // namespace

Value UndefinedName(std::string_view name) {
  return Value::Undefined({absl::StrCat(Quoted(std::string(name)), " is undefined")});
}

Value AttributeOf(Run& run, const Value& object, std::string_view name) {
  if (!run.Step()) return {};
  if (object.Is(Kind::kUndefined)) {
    return run.FailUndefined(object);
  }
  if (IsDunder(name)) return Unsafe(object, name);
  if (auto value = PythonAttribute(run, object, name)) return *value;
  if (object.Is(Kind::kDict)) {
    if (const Value* value = object.dict().Find(name)) return *value;
  }
  return NoAttribute(object, name);
}

Value ItemOf(Run& run, const Value& object, const Value& index) {
  if (!run.Step()) return {};
  if (object.Is(Kind::kUndefined)) return run.FailUndefined(object);
  if (auto value = PythonItem(run, object, index)) return *value;
  if (!index.Is(Kind::kString)) {
    return Value::Undefined(
        {absl::StrCat(Object(object), " has no element ",
                      index.IsNumber() ? Repr(run, index).bytes() : Object(index))});
  }
  const std::string& name = index.text().bytes();
  if (IsDunder(name)) return Unsafe(object, name);
  if (auto value = PythonAttribute(run, object, name)) return *value;
  return NoAttribute(object, name);
}

Value SliceOf(Run& run, const Value& object, const Value& start, const Value& stop,
              const Value& step) {
  if (!run.Step()) return {};
  if (object.Is(Kind::kUndefined)) return run.FailUndefined(object);
  if (!object.Is(Kind::kString) && !object.Is(Kind::kList)) {
    if (object.Is(Kind::kRange)) return run.FailUnsupported("a slice of a range");
    return run.FailType("a value of type " + std::string(TypeName(object)) + " can't be sliced");
  }
  for (const Value* part : {&start, &stop, &step}) {
    if (!part->Is(Kind::kNone) && !part->IsInteger()) {
      return run.FailType("the parts of a slice must be integers or none");
    }
  }
  const int64_t size = LengthOf(run, object);
  const int64_t stride =
      step.Is(Kind::kNone) ? 1 : std::clamp<int64_t>(step.AsInt(), -INT64_MAX, INT64_MAX);
  if (stride == 0) return run.FailType("the step of a slice is zero");
  const bool down = stride < 0;
  const int64_t low = down ? -1 : 0, high = down ? size - 1 : size;
  return Sliced(run, object,
                {SliceBound(start, down ? high : 0, low, high, size),
                 SliceBound(stop, down ? -1 : size, low, high, size), stride});
}

Value FollowPath(Run& run, const Value& object, const Value& path) {
  if (path.Is(Kind::kNone)) return object;
  if (!path.Is(Kind::kString)) return ItemOf(run, object, path);
  Value value = object;
  for (const absl::string_view part : absl::StrSplit(path.text().bytes(), '.')) {
    bool overflow = false;
    const bool digits = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    const auto index = digits ? ParsePythonInt({part.data(), part.size()}, 10, overflow)
                              : std::optional<int64_t>();
    value = ItemOf(run, value,
                   index.has_value() ? Value::Int(*index)
                                     : Value::String(std::string_view(part.data(), part.size()),
                                                     Value::Origin::kTemplate));
  }
  return value;
}

}  // namespace octet::jinja
