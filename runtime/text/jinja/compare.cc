#include "runtime/text/jinja/compare.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

constexpr size_t kCharacterBytes = 128;  // about the bytes of a string of one character

std::string Type(const Value& value) { return std::string(TypeName(value)); }

// Returns -1, 0 or 1, or 2 if one is NaN.
int CompareNumbers(const Value& a, const Value& b) {
  const auto wide = [](const Value& value) {  // holds each int64
    return value.IsInteger() ? static_cast<long double>(value.AsInt())
                             : static_cast<long double>(value.AsFloat());
  };
  const long double x = wide(a), y = wide(b);
  return x < y ? -1 : x == y ? 0 : x > y ? 1 : 2;
}

bool EqualLists(Run& run, const Value& a, const Value& b) {
  if (a.IsTuple() != b.IsTuple() || a.items().size() != b.items().size()) return false;
  for (size_t i = 0; i < a.items().size(); ++i) {
    if (!run.ok() || !AreEqual(run, a.items()[i], b.items()[i])) return false;
  }
  return true;
}

bool EqualDicts(Run& run, const Dict& a, const Dict& b) {
  if (a.items().size() != b.items().size()) return false;
  for (const auto& [key, value] : a.items()) {
    const Value* other = b.Find(key);
    if (!run.ok() || other == nullptr || !AreEqual(run, value, *other)) return false;
  }
  return true;
}

bool EqualRanges(const Range& a, const Range& b) {
  if (a.size() != b.size() || a.size() == 0) return a.size() == b.size();
  return a.start == b.start && (a.size() == 1 || a.step == b.step);
}

bool Less(Run& run, const Value& a, const Value& b, std::string_view op);

bool LessLists(Run& run, const Value& a, const Value& b, std::string_view op) {
  const size_t common = std::min(a.items().size(), b.items().size());
  for (size_t i = 0; i < common && run.ok(); ++i) {
    if (!AreEqual(run, a.items()[i], b.items()[i])) {
      return Less(run, a.items()[i], b.items()[i], op);
    }
  }
  const bool or_equal = op.size() == 2;
  const size_t x = a.items().size(), y = b.items().size();
  return op[0] == '<' ? x < y || (or_equal && x == y) : x > y || (or_equal && x == y);
}

// Applies one of < <= > >=.
bool Less(Run& run, const Value& a, const Value& b, std::string_view op) {
  const Level level(run);
  if (!level.ok()) return false;
  const bool or_equal = op.size() == 2;
  const auto holds = [&](int order) {
    return (op[0] == '<' && order == -1) || (op[0] == '>' && order == 1) ||
           (or_equal && order == 0);
  };
  if (a.IsNumber() && b.IsNumber()) return holds(CompareNumbers(a, b));
  if (a.Is(Kind::kString) && b.Is(Kind::kString)) {  // bytes of UTF-8 have the order of code points
    run.Read(std::min(a.text().size(), b.text().size()));
    const int order = a.text().bytes().compare(b.text().bytes());
    return holds((order > 0) - (order < 0));
  }
  if (a.Is(Kind::kList) && b.Is(Kind::kList) && a.IsTuple() == b.IsTuple()) {
    return LessLists(run, a, b, op);
  }
  for (const Value* value : {&a, &b}) {
    if (value->Is(Kind::kUndefined)) return run.FailUndefined(*value), false;
  }
  run.FailType(
      absl::StrCat("'", std::string(op), "' does not compare ", Type(a), " and ", Type(b)));
  return false;
}

bool ContainsText(Run& run, const Text& text, const Value& item) {
  if (!item.Is(Kind::kString)) {
    run.FailType("'in' a string takes a string on its left, not " + Type(item));
    return false;
  }
  if (!run.Read(text.size())) return false;
  return text.bytes().find(item.text().bytes()) != std::string::npos;
}

bool ContainsKey(Run& run, const Dict& dict, const Value& key) {
  if (!Dict::MayBeKey(key) && !key.Is(Kind::kUndefined)) {
    run.FailType("unhashable type: " + Type(key));
  }
  return dict.Find(key) != nullptr;
}

std::vector<Value> Characters(Run& run, const Text& text) {
  std::vector<Value> items;
  if (!run.Make(text.code_points() * kCharacterBytes)) return items;
  items.reserve(text.code_points());
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    NextCodePoint(text.view(), at);
    items.push_back(Value::String(text.Part(begin, at)));
  }
  return items;
}

std::vector<Value> TakeItems(Run& run, Iterator& iterator) {
  std::vector<Value> items(iterator.items.begin() + static_cast<std::ptrdiff_t>(iterator.next),
                           iterator.items.end());
  iterator.next = iterator.items.size();
  if (iterator.error.has_value()) run.Fail(iterator.error->kind, iterator.error->message);
  return items;
}

}  // namespace

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
    case Kind::kUndefined:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.AsInt() != 0;
    case Kind::kFloat:
      return value.AsFloat() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kList:
      return !value.items().empty();
    case Kind::kDict:
      return !value.dict().items().empty();
    case Kind::kRange:
      return value.range().size() > 0;
    case Kind::kView:
      return !value.view().dict.dict().items().empty();
    default:
      return true;
  }
}

bool AreEqual(Run& run, const Value& a, const Value& b) {
  const Level level(run);
  if (!level.ok()) return false;
  if (a.IsNumber() && b.IsNumber()) return CompareNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
      return true;
    case Kind::kString:
      return run.Read(std::min(a.text().size(), b.text().size())) &&
             a.text().bytes() == b.text().bytes();
    case Kind::kList:
      return a.IsSame(b) || EqualLists(run, a, b);
    case Kind::kDict:
      return a.IsSame(b) || EqualDicts(run, a.dict(), b.dict());
    case Kind::kRange:
      return EqualRanges(a.range(), b.range());
    case Kind::kView:
    case Kind::kCallable:
      if (!a.IsSame(b)) run.FailUnsupported("to compare two of type " + Type(a));
      return true;
    default:
      return a.IsSame(b);
  }
}

bool Compare(Run& run, std::string_view op, const Value& a, const Value& b) {
  if (op == "==") return AreEqual(run, a, b);
  if (op == "!=") return !AreEqual(run, a, b);
  if (op == "in") return Contains(run, b, a);
  if (op == "not in") return !Contains(run, b, a);
  return Less(run, a, b, op);
}

bool Contains(Run& run, const Value& container, const Value& item) {
  if (container.Is(Kind::kString)) return ContainsText(run, container.text(), item);
  if (container.Is(Kind::kDict)) return ContainsKey(run, container.dict(), item);
  if (container.Is(Kind::kView) && container.view().kind == View::Kind::kKeys) {
    return ContainsKey(run, container.view().dict.dict(), item);
  }
  const auto among = [&](const std::vector<Value>& items) {
    return std::any_of(items.begin(), items.end(),
                       [&](const Value& other) { return run.ok() && AreEqual(run, item, other); });
  };
  if (container.Is(Kind::kList)) return among(container.items());
  if (container.Is(Kind::kIterator)) {
    Iterator& iterator = container.iterator();
    while (iterator.next < iterator.items.size() && run.ok()) {
      if (AreEqual(run, item, iterator.items[iterator.next++])) return true;
    }
  }
  return among(ItemsOf(run, container));
}

std::vector<Value> ItemsOf(Run& run, const Value& value) {
  std::vector<Value> items;
  switch (value.kind()) {
    case Kind::kUndefined:
      break;
    case Kind::kString:
      return Characters(run, value.text());
    case Kind::kList:
      if (run.Make(value.items().size() * sizeof(Value))) items = value.items();
      break;
    case Kind::kDict:
      if (!run.Make(value.dict().items().size() * sizeof(Value))) break;
      for (const auto& item : value.dict().items()) items.push_back(item.first);
      break;
    case Kind::kRange:
      if (!run.Make(value.range().size() * sizeof(Value))) break;
      for (uint64_t i = 0; i < value.range().size(); ++i) {
        items.push_back(Value::Int(value.range().At(i)));
      }
      break;
    case Kind::kView:
      if (!run.Make(value.view().dict.dict().items().size() * kCharacterBytes)) break;
      for (size_t i = 0; i < value.view().dict.dict().items().size(); ++i) {
        items.push_back(value.view().At(i));
      }
      break;
    case Kind::kIterator:
      return TakeItems(run, value.iterator());
    case Kind::kLoop:
      run.FailUnsupported("to iterate over the variable 'loop'");
      break;
    default:
      run.FailType("a value of type " + Type(value) + " is not iterable");
  }
  return items;
}

int64_t LengthOf(Run& run, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return static_cast<int64_t>(value.text().code_points());
    case Kind::kList:
      return static_cast<int64_t>(value.items().size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict().items().size());
    case Kind::kRange:
      return static_cast<int64_t>(value.range().size());
    case Kind::kView:
      return static_cast<int64_t>(value.view().dict.dict().items().size());
    case Kind::kLoop:
      return static_cast<int64_t>(value.loop().items.size());
    default:
      run.FailType("a value of type " + Type(value) + " has no length");
      return 0;
  }
}

}  // namespace octet::jinja
