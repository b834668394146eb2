// Tests: what may follow `is`.

#include <string_view>

#include "runtime/text/jinja/arithmetic.h"
#include "runtime/text/jinja/case.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

template <bool (*kHolds)(const Value&)>
Value TestValue(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a test", arguments, {});
  return Value::Bool(kHolds(self));
}

template <Kind kKind, bool kIs = true>
bool IsKind(const Value& value) {
  return value.Is(kKind) == kIs;
}

bool IsInteger(const Value& value) { return value.Is(Kind::kInt) || value.Is(Kind::kLargeInt); }

bool IsNumber(const Value& value) { return value.IsNumber() || IsInteger(value); }

template <bool kWanted>
bool IsBool(const Value& value) {
  return value.Is(Kind::kBool) && value.AsBool() == kWanted;
}

bool IsSequence(const Value& value) {
  return value.Is(Kind::kString) || value.Is(Kind::kList) || value.Is(Kind::kDict) ||
         value.Is(Kind::kRange) || value.Is(Kind::kUndefined);
}

bool IsIterable(const Value& value) {
  return IsSequence(value) || value.Is(Kind::kView) || value.Is(Kind::kIterator) ||
         value.Is(Kind::kLoop);
}

bool IsCallable(const Value& value) {
  return value.Is(Kind::kCallable) || value.Is(Kind::kLoop) || value.Is(Kind::kUndefined);
}

template <bool (*kHolds)(std::string_view)>
Value TestText(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a test", arguments, {});
  const Text text = Str(run, self);
  if (!run.Read(text.size() * 8)) return {};
  return Value::Bool(kHolds(text.view()));
}

Value HasRest(Run& run, const Value& self, const Value& divisor, int64_t rest) {
  return Value::Bool(AreEqual(run, Calculate(run, "%", self, divisor), Value::Int(rest)));
}

template <int64_t kRest>
Value IsParity(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a test", arguments, {});
  return HasRest(run, self, Value::Int(2), kRest);
}

Value IsDivisible(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "divisibleby", arguments, {"num"}, 1);
  return HasRest(run, self, parameters.Get(0), 0);
}

Value IsSame(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "sameas", arguments, {"other"}, 1);
  return Value::Bool(self.IsSame(parameters.Get(0)));
}

Value IsIn(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "in", arguments, {"seq"}, 1);
  return Value::Bool(Contains(run, parameters.Get(0), self));
}

template <char kFirst, char kSecond>
Value Compares(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a comparison", arguments, {""}, 1);
  constexpr char kOperator[] = {kFirst, kSecond, '\0'};
  return Value::Bool(Compare(run, kOperator, self, parameters.Get(0)));
}

template <const Entry* (*kFind)(std::string_view)>
Value IsKnown(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a test", arguments, {});
  return Value::Bool(self.Is(Kind::kString) && kFind(self.text().view()) != nullptr);
}

}  // namespace

std::span<const Entry> Tests() {
  static constexpr Entry kTests[] = {
      {"defined", TestValue<IsKind<Kind::kUndefined, false>>},
      {"undefined", TestValue<IsKind<Kind::kUndefined>>},
      {"none", TestValue<IsKind<Kind::kNone>>},
      {"boolean", TestValue<IsKind<Kind::kBool>>},
      {"integer", TestValue<IsInteger>},
      {"float", TestValue<IsKind<Kind::kFloat>>},
      {"string", TestValue<IsKind<Kind::kString>>},
      {"mapping", TestValue<IsKind<Kind::kDict>>},
      {"number", TestValue<IsNumber>},
      {"true", TestValue<IsBool<true>>},
      {"false", TestValue<IsBool<false>>},
      {"sequence", TestValue<IsSequence>},
      {"iterable", TestValue<IsIterable>},
      {"callable", TestValue<IsCallable>},
      {"lower", TestText<IsLower>},
      {"upper", TestText<IsUpper>},
      {"odd", IsParity<1>},
      {"even", IsParity<0>},
      {"divisibleby", IsDivisible},
      {"sameas", IsSame},
      {"in", IsIn},
      {"==", Compares<'=', '='>},
      {"eq", Compares<'=', '='>},
      {"equalto", Compares<'=', '='>},
      {"!=", Compares<'!', '='>},
      {"ne", Compares<'!', '='>},
      {"<", Compares<'<', '\0'>},
      {"lt", Compares<'<', '\0'>},
      {"lessthan", Compares<'<', '\0'>},
      {"<=", Compares<'<', '='>},
      {"le", Compares<'<', '='>},
      {">", Compares<'>', '\0'>},
      {"gt", Compares<'>', '\0'>},
      {"greaterthan", Compares<'>', '\0'>},
      {">=", Compares<'>', '='>},
      {"ge", Compares<'>', '='>},
      {"filter", IsKnown<FindFilter>},
      {"test", IsKnown<FindTest>},
      {"escaped", nullptr},
  };
  return kTests;
}

}  // namespace octet::jinja
