// Filters of numbers, and default.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "runtime/text/jinja/arithmetic.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/literal.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

Value Absolute(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "abs", arguments, {});
  if (self.Is(Kind::kFloat)) return Value::Float(std::fabs(self.AsFloat()));
  if (self.IsInteger() && self.AsInt() < 0) return Negative(run, self);
  return Positive(run, self);
}

// Returns int() of a float, or nullopt for NaN. Beyond int64 is an error.
std::optional<Value> Truncated(Run& run, double value) {
  if (std::isnan(value)) return std::nullopt;
  if (std::isinf(value)) return run.FailType("infinity gives no integer");
  if (std::fabs(value) >= 9.2e18) {
    return run.Fail(ErrorKind::kLimit, "an integer goes beyond 64 bits");
  }
  return Value::Int(static_cast<int64_t>(value));
}

Value ToInt(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "int", arguments, {"default", "base"});
  Value otherwise = parameters.Has(0) ? parameters.Get(0) : Value::Int(0);
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (self.IsInteger()) return Value::Int(self.AsInt());
  if (self.Is(Kind::kFloat)) return Truncated(run, self.AsFloat()).value_or(otherwise);
  if (!self.Is(Kind::kString)) return otherwise;
  const int64_t base = parameters.Integer(1, 10);
  if (base != 0 && (base < 2 || base > 36)) return otherwise;
  if (!run.Read(self.text().size() * 8)) return {};
  bool overflow = false;
  const auto value = ParsePythonInt(self.text().view(), static_cast<int>(base), overflow);
  if (overflow) return run.Fail(ErrorKind::kLimit, "an integer goes beyond 64 bits");
  if (value.has_value()) return Value::Int(*value);
  const auto number = ParsePythonFloat(self.text().view());
  if (!number.has_value() || std::isinf(*number)) return otherwise;
  return Truncated(run, *number).value_or(otherwise);
}

Value ToFloat(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "float", arguments, {"default"});
  Value otherwise = parameters.Has(0) ? parameters.Get(0) : Value::Float(0);
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (self.IsNumber()) return Value::Float(self.AsFloat());
  if (!self.Is(Kind::kString) || !run.Read(self.text().size() * 8)) return otherwise;
  const auto number = ParsePythonFloat(self.text().view());
  return number.has_value() ? Value::Float(*number) : otherwise;
}

// Returns round(): the nearest, or the even one of two equally near ones.
Value RoundInteger(Run& run, int64_t value, int64_t precision) {
  if (precision >= 0) return Value::Int(value);
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
    return run.Fail(ErrorKind::kLimit, "an integer goes beyond 64 bits");
  }
  return Value::Int(rounded);
}

Value RoundFloat(Run& run, double value, int64_t precision) {
  if (!std::isfinite(value)) return Value::Float(value);
  if (precision < 0) return run.FailUnsupported("to round a float to a negative precision");
  if (precision > 330) return Value::Float(value);
  char text[800];
  std::snprintf(text, sizeof(text), "%.*f", static_cast<int>(precision), value);
  return Value::Float(std::strtod(text, nullptr));
}

Value Round(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "round", arguments, {"precision", "method"});
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
  const Value scale = Calculate(run, "**", Value::Int(10), Value::Int(precision));
  const Value scaled = Calculate(run, "*", self, scale);
  if (!run.ok()) return {};
  const double whole =
      method == "ceil" ? std::ceil(scaled.AsFloat()) : std::floor(scaled.AsFloat());
  return Calculate(run, "/", Value::Float(whole), scale);
}

Value Default(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "default", arguments, {"default_value", "boolean"});
  const bool replaces = self.Is(Kind::kUndefined) || (parameters.Truth(1, false) && !IsTrue(self));
  if (!replaces) return self;
  return parameters.Has(0) ? parameters.Get(0) : run.Text("");
}

Value Length(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "length", arguments, {});
  return Value::Int(LengthOf(run, self));
}

}  // namespace

std::span<const Entry> NumberFilters() {
  static constexpr Entry kFilters[] = {
      {"abs", Absolute},    {"int", ToInt}, {"float", ToFloat}, {"round", Round},
      {"default", Default}, {"d", Default}, {"length", Length}, {"count", Length},
  };
  return kFilters;
}

}  // namespace octet::jinja
