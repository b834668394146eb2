// Tests: what may follow `is`.

#include <string_view>

#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_arithmetic.h"
#include "runtime/text/jinja_case.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_repr.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

template <bool (*kHolds)(const JinjaValue&)>
JinjaValue Test(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a test", arguments, {});
  return JinjaValue::Bool(kHolds(self));
}

template <Kind kKind, bool kIs = true>
bool IsKind(const JinjaValue& value) {
  return value.Is(kKind) == kIs;
}

bool IsInteger(const JinjaValue& value) {
  return value.Is(Kind::kInt) || value.Is(Kind::kLargeInt);
}

bool IsNumber(const JinjaValue& value) { return value.IsNumber() || IsInteger(value); }

template <bool kWanted>
bool IsBool(const JinjaValue& value) {
  return value.Is(Kind::kBool) && value.AsBool() == kWanted;
}

bool IsSequence(const JinjaValue& value) {
  return value.Is(Kind::kString) || value.Is(Kind::kList) || value.Is(Kind::kDict) ||
         value.Is(Kind::kRange) || value.Is(Kind::kUndefined);
}

bool IsIterable(const JinjaValue& value) {
  return IsSequence(value) || value.Is(Kind::kView) || value.Is(Kind::kIterator) ||
         value.Is(Kind::kLoop);
}

bool IsCallable(const JinjaValue& value) {
  return value.Is(Kind::kCallable) || value.Is(Kind::kLoop) || value.Is(Kind::kUndefined);
}

template <bool (*kHolds)(std::string_view)>
JinjaValue TestText(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a test", arguments, {});
  const JinjaText text = JinjaStr(run, self);
  if (!run.Read(text.size() * 8)) return {};
  return JinjaValue::Bool(kHolds(text.view()));
}

JinjaValue HasRest(JinjaRun& run, const JinjaValue& self, const JinjaValue& divisor, int64_t rest) {
  return JinjaValue::Bool(
      JinjaEqual(run, JinjaBinary(run, "%", self, divisor), JinjaValue::Int(rest)));
}

template <int64_t kRest>
JinjaValue IsParity(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a test", arguments, {});
  return HasRest(run, self, JinjaValue::Int(2), kRest);
}

JinjaValue IsDivisible(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "divisibleby", arguments, {"num"}, 1);
  return HasRest(run, self, parameters.Get(0), 0);
}

JinjaValue IsSame(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "sameas", arguments, {"other"}, 1);
  return JinjaValue::Bool(self.IsSame(parameters.Get(0)));
}

JinjaValue IsIn(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "in", arguments, {"seq"}, 1);
  return JinjaValue::Bool(JinjaContains(run, parameters.Get(0), self));
}

template <char kFirst, char kSecond>
JinjaValue Compare(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a comparison", arguments, {""}, 1);
  constexpr char kOperator[] = {kFirst, kSecond, '\0'};
  return JinjaValue::Bool(JinjaCompare(run, kOperator, self, parameters.Get(0)));
}

template <const JinjaEntry* (*kFind)(std::string_view)>
JinjaValue IsKnown(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a test", arguments, {});
  return JinjaValue::Bool(self.Is(Kind::kString) && kFind(self.text().view()) != nullptr);
}

}  // namespace

std::span<const JinjaEntry> JinjaTests() {
  static constexpr JinjaEntry kTests[] = {
      {"defined", Test<IsKind<Kind::kUndefined, false>>},
      {"undefined", Test<IsKind<Kind::kUndefined>>},
      {"none", Test<IsKind<Kind::kNone>>},
      {"boolean", Test<IsKind<Kind::kBool>>},
      {"integer", Test<IsInteger>},
      {"float", Test<IsKind<Kind::kFloat>>},
      {"string", Test<IsKind<Kind::kString>>},
      {"mapping", Test<IsKind<Kind::kDict>>},
      {"number", Test<IsNumber>},
      {"true", Test<IsBool<true>>},
      {"false", Test<IsBool<false>>},
      {"sequence", Test<IsSequence>},
      {"iterable", Test<IsIterable>},
      {"callable", Test<IsCallable>},
      {"lower", TestText<IsLower>},
      {"upper", TestText<IsUpper>},
      {"odd", IsParity<1>},
      {"even", IsParity<0>},
      {"divisibleby", IsDivisible},
      {"sameas", IsSame},
      {"in", IsIn},
      {"==", Compare<'=', '='>},
      {"eq", Compare<'=', '='>},
      {"equalto", Compare<'=', '='>},
      {"!=", Compare<'!', '='>},
      {"ne", Compare<'!', '='>},
      {"<", Compare<'<', '\0'>},
      {"lt", Compare<'<', '\0'>},
      {"lessthan", Compare<'<', '\0'>},
      {"<=", Compare<'<', '='>},
      {"le", Compare<'<', '='>},
      {">", Compare<'>', '\0'>},
      {"gt", Compare<'>', '\0'>},
      {"greaterthan", Compare<'>', '\0'>},
      {">=", Compare<'>', '='>},
      {"ge", Compare<'>', '='>},
      {"filter", IsKnown<FindJinjaFilter>},
      {"test", IsKnown<FindJinjaTest>},
      {"escaped", nullptr},
  };
  return kTests;
}

}  // namespace octet
