#include "runtime/text/jinja_access.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/jinja_ast.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_literal.h"
#include "runtime/text/jinja_repr.h"
#include "runtime/text/jinja_unicode.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

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

std::string Object(const JinjaValue& value) {
  if (value.Is(Kind::kNone)) return "None";
  return absl::StrCat(std::string(JinjaTypeName(value)), " object");
}

JinjaValue Unsafe(const JinjaValue& object, std::string_view name) {
  return JinjaValue::Undefined(
      {absl::StrCat("access to attribute ", Quoted(std::string(name)), " of a '",
                    std::string(JinjaTypeName(object)), "' object is unsafe"),
       JinjaErrorKind::kSecurity});
}

JinjaValue NoAttribute(const JinjaValue& object, std::string_view name) {
  return JinjaValue::Undefined(
      {absl::StrCat("'", Object(object), "' has no attribute ", Quoted(std::string(name)))});
}

std::optional<JinjaValue> Method(JinjaRun& run, std::span<const JinjaEntry> methods,
                                 const JinjaValue& object, std::string_view name) {
  for (const JinjaEntry& entry : methods) {
    if (entry.name != name) continue;
    if (entry.function == nullptr) {
      return run.FailUnsupported(absl::StrCat("the method '", std::string(name), "'"));
    }
    return run.Function(name, entry.function, object);
  }
  return std::nullopt;
}

std::optional<JinjaValue> LoopAttribute(JinjaRun& run, const JinjaValue& object,
                                        std::string_view name) {
  const JinjaLoop& loop = object.loop();
  const auto number = [](size_t value) { return JinjaValue::Int(static_cast<int64_t>(value)); };
  if (name == "index") return number(loop.index0 + 1);
  if (name == "index0") return number(loop.index0);
  if (name == "revindex") return number(loop.items.size() - loop.index0);
  if (name == "revindex0") return number(loop.items.size() - loop.index0 - 1);
  if (name == "first") return JinjaValue::Bool(loop.index0 == 0);
  if (name == "last") return JinjaValue::Bool(loop.index0 + 1 == loop.items.size());
  if (name == "length") return number(loop.items.size());
  if (name == "depth") return JinjaValue::Int(loop.depth0 + 1);
  if (name == "depth0") return JinjaValue::Int(loop.depth0);
  if (name == "previtem") {
    if (loop.index0 > 0) return loop.items[loop.index0 - 1];
    return JinjaValue::Undefined({"there is no previous item"});
  }
  if (name == "nextitem") {
    if (loop.index0 + 1 < loop.items.size()) return loop.items[loop.index0 + 1];
    return JinjaValue::Undefined({"there is no next item"});
  }
  return Method(run, JinjaLoopMethods(), object, name);
}

std::optional<JinjaValue> MacroAttribute(JinjaRun& run, const JinjaCallable& callable,
                                         std::string_view name) {
  if (callable.macro == nullptr) return std::nullopt;
  const JinjaStatement& macro = *callable.macro;
  if (name == "name") return run.Text(callable.name);
  if (name == "catch_kwargs") return JinjaValue::Bool(macro.kwargs.used);
  if (name == "catch_varargs") return JinjaValue::Bool(macro.varargs.used);
  if (name == "caller") return JinjaValue::Bool(macro.caller.used);
  if (name != "arguments") return std::nullopt;
  std::vector<JinjaValue> names;
  for (const auto& parameter : macro.parameters) names.push_back(run.Text(parameter->name));
  return run.Tuple(std::move(names));
}

std::optional<JinjaValue> ListAttribute(JinjaRun& run, const JinjaValue& object,
                                        std::string_view name) {
  if (object.list().kind == JinjaList::Kind::kGroup) {
    if (name == "grouper") return object.items()[0];
    if (name == "list") return object.items()[1];
  }
  if (!object.IsTuple() && Has(kListMutators, name)) return Unsafe(object, name);
  if (object.IsTuple() && name == "copy") return std::nullopt;
  return Method(run, JinjaListMethods(), object, name);
}

// What Python's getattr() finds, in the sandbox.
std::optional<JinjaValue> PythonAttribute(JinjaRun& run, const JinjaValue& object,
                                          std::string_view name) {
  switch (object.kind()) {
    case Kind::kString:
      if (auto method = Method(run, JinjaStringMethods(), object, name)) return method;
      return Method(run, JinjaSearchMethods(), object, name);
    case Kind::kList:
      return ListAttribute(run, object, name);
    case Kind::kDict:
      if (Has(kDictMutators, name)) return Unsafe(object, name);
      return Method(run, JinjaDictMethods(), object, name);
    case Kind::kLoop:
      return LoopAttribute(run, object, name);
    case Kind::kCallable:
      return MacroAttribute(run, object.callable(), name);
    case Kind::kNamespace:
      if (const JinjaValue* value = object.name_space().attributes.Find(name)) return *value;
      return std::nullopt;
    case Kind::kRange:
      if (name == "start") return JinjaValue::Int(object.range().start);
      if (name == "stop") return JinjaValue::Int(object.range().stop);
      if (name == "step") return JinjaValue::Int(object.range().step);
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

std::optional<JinjaValue> SequenceItem(JinjaRun& run, const JinjaValue& object, int64_t index) {
  const int64_t size = JinjaLength(run, object);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  const auto at = static_cast<size_t>(index);
  if (object.Is(Kind::kList)) return object.items()[at];
  if (object.Is(Kind::kRange)) return JinjaValue::Int(object.range().At(at));
  const JinjaText& text = object.text();
  if (!text.ascii() && !run.Read(text.size())) return JinjaValue();
  const size_t begin = text.ByteOf(at);
  size_t end = begin;
  NextCodePoint(text.view(), end);
  return run.Text(text.Part(begin, end));
}

std::optional<JinjaValue> PythonItem(JinjaRun& run, const JinjaValue& object,
                                     const JinjaValue& index) {
  switch (object.kind()) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kRange:
      if (!index.IsInteger()) return std::nullopt;
      return SequenceItem(run, object, index.AsInt());
    case Kind::kDict:
      if (const JinjaValue* value = object.dict().Find(index)) return *value;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// A part of a slice, as Python's slice.indices() bounds it.
int64_t SliceBound(const JinjaValue& value, int64_t none, int64_t low, int64_t high, int64_t size) {
  if (value.Is(Kind::kNone)) return none;
  int64_t bound = value.AsInt();
  if (bound < 0 && __builtin_add_overflow(bound, size, &bound)) bound = low;
  return std::clamp(bound, low, high);
}

JinjaValue SliceOf(JinjaRun& run, const JinjaValue& object, const JinjaRange& indexes) {
  const auto count = static_cast<size_t>(indexes.size());
  if (object.Is(Kind::kList)) {
    if (!run.Make(count * sizeof(JinjaValue))) return {};
    std::vector<JinjaValue> items;
    items.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      items.push_back(object.items()[static_cast<size_t>(indexes.At(i))]);
    }
    return object.IsTuple() ? run.Tuple(std::move(items)) : run.List(std::move(items));
  }
  const JinjaText& text = object.text();
  if (!run.Read(text.size())) return {};
  if (indexes.step == 1 || count == 0) {
    if (count == 0) return run.Text("");
    const auto first = static_cast<size_t>(indexes.start);
    return run.Text(text.Part(text.ByteOf(first), text.ByteOf(first + count)));
  }
  const std::vector<JinjaValue> characters = JinjaItems(run, object);
  JinjaText part;
  for (size_t i = 0; i < count && run.ok(); ++i) {
    part.Append(characters[static_cast<size_t>(indexes.At(i))].text());
  }
  return run.Text(std::move(part));
}

}  // namespace

JinjaValue UndefinedName(std::string_view name) {
  return JinjaValue::Undefined({absl::StrCat(Quoted(std::string(name)), " is undefined")});
}

JinjaValue JinjaAttribute(JinjaRun& run, const JinjaValue& object, std::string_view name) {
  if (!run.Step()) return {};
  if (object.Is(Kind::kUndefined)) {
    return run.FailUndefined(object);
  }
  if (IsDunder(name)) return Unsafe(object, name);
  if (auto value = PythonAttribute(run, object, name)) return *value;
  if (object.Is(Kind::kDict)) {
    if (const JinjaValue* value = object.dict().Find(name)) return *value;
  }
  return NoAttribute(object, name);
}

JinjaValue JinjaItem(JinjaRun& run, const JinjaValue& object, const JinjaValue& index) {
  if (!run.Step()) return {};
  if (object.Is(Kind::kUndefined)) return run.FailUndefined(object);
  if (auto value = PythonItem(run, object, index)) return *value;
  if (!index.Is(Kind::kString)) {
    return JinjaValue::Undefined(
        {absl::StrCat(Object(object), " has no element ",
                      index.IsNumber() ? JinjaRepr(run, index).bytes() : Object(index))});
  }
  const std::string& name = index.text().bytes();
  if (IsDunder(name)) return Unsafe(object, name);
  if (auto value = PythonAttribute(run, object, name)) return *value;
  return NoAttribute(object, name);
}

JinjaValue JinjaSlice(JinjaRun& run, const JinjaValue& object, const JinjaValue& start,
                      const JinjaValue& stop, const JinjaValue& step) {
  if (!run.Step()) return {};
  if (object.Is(Kind::kUndefined)) return run.FailUndefined(object);
  if (!object.Is(Kind::kString) && !object.Is(Kind::kList)) {
    if (object.Is(Kind::kRange)) return run.FailUnsupported("a slice of a range");
    return run.FailType("a value of type " + std::string(JinjaTypeName(object)) +
                        " can't be sliced");
  }
  for (const JinjaValue* part : {&start, &stop, &step}) {
    if (!part->Is(Kind::kNone) && !part->IsInteger()) {
      return run.FailType("the parts of a slice must be integers or none");
    }
  }
  const int64_t size = JinjaLength(run, object);
  const int64_t stride =
      step.Is(Kind::kNone) ? 1 : std::clamp<int64_t>(step.AsInt(), -INT64_MAX, INT64_MAX);
  if (stride == 0) return run.FailType("the step of a slice is zero");
  const bool down = stride < 0;
  const int64_t low = down ? -1 : 0, high = down ? size - 1 : size;
  return SliceOf(run, object,
                 {SliceBound(start, down ? high : 0, low, high, size),
                  SliceBound(stop, down ? -1 : size, low, high, size), stride});
}

JinjaValue JinjaPath(JinjaRun& run, const JinjaValue& object, const JinjaValue& path) {
  if (path.Is(Kind::kNone)) return object;
  if (!path.Is(Kind::kString)) return JinjaItem(run, object, path);
  JinjaValue value = object;
  for (const absl::string_view part : absl::StrSplit(path.text().bytes(), '.')) {
    bool overflow = false;
    const bool digits = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    const auto index = digits ? ParsePythonInt({part.data(), part.size()}, 10, overflow)
                              : std::optional<int64_t>();
    value =
        JinjaItem(run, value,
                  index.has_value() ? JinjaValue::Int(*index)
                                    : JinjaValue::String(std::string_view(part.data(), part.size()),
                                                         JinjaValue::Origin::kTemplate));
  }
  return value;
}

}  // namespace octet
