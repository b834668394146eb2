// Filters of numbers, and default.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_arithmetic.h"
#include "runtime/text/jinja_compare.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_literal.h"
#include "runtime/text/jinja_repr.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

JinjaValue Absolute(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "abs", arguments, {});
  if (self.Is(Kind::kFloat)) return JinjaValue::Float(std::fabs(self.AsFloat()));
  if (self.IsInteger() && self.AsInt() < 0) return JinjaNegative(run, self);
  return JinjaPositive(run, self);
}

// int() of a float; nothing for NaN. An error beyond int64.
std::optional<JinjaValue> Truncated(JinjaRun& run, double value) {
  if (std::isnan(value)) return std::nullopt;
  if (std::isinf(value)) return run.FailType("infinity gives no integer");
  if (std::fabs(value) >= 9.2e18) {
    return run.Fail(JinjaErrorKind::kLimit, "an integer goes beyond 64 bits");
  }
  return JinjaValue::Int(static_cast<int64_t>(value));
}

JinjaValue ToInt(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "int", arguments, {"default", "base"});
  JinjaValue otherwise = parameters.Has(0) ? parameters.Get(0) : JinjaValue::Int(0);
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (self.IsInteger()) return JinjaValue::Int(self.AsInt());
  if (self.Is(Kind::kFloat)) return Truncated(run, self.AsFloat()).value_or(otherwise);
  if (!self.Is(Kind::kString)) return otherwise;
  const int64_t base = parameters.Integer(1, 10);
  if (base != 0 && (base < 2 || base > 36)) return otherwise;
  if (!run.Read(self.text().size() * 8)) return {};
  bool overflow = false;
  const auto value = ParsePythonInt(self.text().view(), static_cast<int>(base), overflow);
  if (overflow) return run.Fail(JinjaErrorKind::kLimit, "an integer goes beyond 64 bits");
  if (value.has_value()) return JinjaValue::Int(*value);
  const auto number = ParsePythonFloat(self.text().view());
  if (!number.has_value() || std::isinf(*number)) return otherwise;
  return Truncated(run, *number).value_or(otherwise);
}

JinjaValue ToFloat(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "float", arguments, {"default"});
  JinjaValue otherwise = parameters.Has(0) ? parameters.Get(0) : JinjaValue::Float(0);
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (self.IsNumber()) return JinjaValue::Float(self.AsFloat());
  if (!self.Is(Kind::kString) || !run.Read(self.text().size() * 8)) return otherwise;
  const auto number = ParsePythonFloat(self.text().view());
  return number.has_value() ? JinjaValue::Float(*number) : otherwise;
}

// round(): to the nearest, of two equally near ones the even one.
JinjaValue RoundInteger(JinjaRun& run, int64_t value, int64_t precision) {
  if (precision >= 0) return JinjaValue::Int(value);
  if (precision < -18) return run.FailUnsupported("to round to so many digits");
  int64_t unit = 1;
  for (int64_t i = precision; i < 0; ++i) unit *= 10;
  int64_t rest = value % unit;
  if (rest < 0) rest += unit;
  int64_t down = 0;
  if (__builtin_sub_overflow(value, rest, &down)) return run.FailType("an integer is too large");
  const bool up = rest * 2 > unit || (rest * 2 == unit && (down / unit) % 2 != 0);
  int64_t rounded = 0;
  if (__builtin_add_overflow(down, up ? unit : 0, &rounded)) {
    return run.Fail(JinjaErrorKind::kLimit, "an integer goes beyond 64 bits");
  }
  return JinjaValue::Int(rounded);
}

JinjaValue RoundFloat(JinjaRun& run, double value, int64_t precision) {
  if (!std::isfinite(value)) return JinjaValue::Float(value);
  if (precision < 0) return run.FailUnsupported("to round a float to a negative precision");
  if (precision > 330) return JinjaValue::Float(value);
  char text[800];
  std::snprintf(text, sizeof(text), "%.*f", static_cast<int>(precision), value);
  return JinjaValue::Float(std::strtod(text, nullptr));
}

JinjaValue Round(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "round", arguments, {"precision", "method"});
  const int64_t precision = parameters.Integer(0, 0);
  const std::string method = parameters.Text(1, "common").bytes();
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (!self.IsNumber()) return run.FailType("round takes a number");
  if (method == "common") {
    return self.IsInteger() ? RoundInteger(run, self.AsInt(), precision)
                            : RoundFloat(run, self.AsFloat(), precision);
  }
  if (method != "ceil" && method != "floor") {
    return run.FailType("round's method is common, ceil or floor");
  }
  const JinjaValue scale = JinjaBinary(run, "**", JinjaValue::Int(10), JinjaValue::Int(precision));
  const JinjaValue scaled = JinjaBinary(run, "*", self, scale);
  if (!run.ok()) return {};
  const double whole =
      method == "ceil" ? std::ceil(scaled.AsFloat()) : std::floor(scaled.AsFloat());
  return JinjaBinary(run, "/", JinjaValue::Float(whole), scale);
}

JinjaValue Default(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "default", arguments, {"default_value", "boolean"});
  const bool replaces =
      self.Is(Kind::kUndefined) || (parameters.Truth(1, false) && !JinjaIsTrue(self));
  if (!replaces) return self;
  return parameters.Has(0) ? parameters.Get(0) : run.Text("");
}

JinjaValue Length(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "length", arguments, {});
  return JinjaValue::Int(JinjaLength(run, self));
}

}  // namespace

std::span<const JinjaEntry> JinjaNumberFilters() {
  static constexpr JinjaEntry kFilters[] = {
      {"abs", Absolute},    {"int", ToInt}, {"float", ToFloat}, {"round", Round},
      {"default", Default}, {"d", Default}, {"length", Length}, {"count", Length},
  };
  return kFilters;
}

}  // namespace octet
