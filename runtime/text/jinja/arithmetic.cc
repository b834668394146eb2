#include "runtime/text/jinja/arithmetic.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/format.h"
#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

Value FailOverflow(Run& run) {
  return run.Fail(ErrorKind::kLimit, "an integer goes beyond 64 bits");
}

Value FailZero(Run& run) { return run.Fail(ErrorKind::kZero, "division by zero"); }

int64_t FloorQuotient(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

// Returns a % b with the sign of b.
double FloorRemainder(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

// Returns Python's float floor division, with its -0.0 and its rounding.
double FloorQuotient(double a, double b) {
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

std::optional<int64_t> IntegerPower(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1 && __builtin_mul_overflow(result, base, &result)) return std::nullopt;
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return std::nullopt;
  }
  return result;
}

Value FloatPower(Run& run, double a, double b) {
  if (a == 0 && b < 0) return FailZero(run);
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b)) {
    return run.FailUnsupported("a complex number");
  }
  const double power = std::pow(a, b);
  if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) {
    return run.FailType("a float gets too large");
  }
  return Value::Float(power);
}

Value Integers(Run& run, std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == "**") {
    if (b < 0) return FloatPower(run, static_cast<double>(a), static_cast<double>(b));
    const auto power = IntegerPower(a, b);
    overflow = !power.has_value();
    result = power.value_or(0);
  } else {
    if (b == 0) return FailZero(run);
    if (op == "/") {
      return Value::Float(
          static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
    }
    if (b == -1) {
      overflow = op == "//" && a == INT64_MIN;
      result = op == "//" && !overflow ? -a : 0;
    } else {
      result = op == "//" ? FloorQuotient(a, b) : a - FloorQuotient(a, b) * b;
    }
  }
  return overflow ? FailOverflow(run) : Value::Int(result);
}

Value Floats(Run& run, std::string_view op, double a, double b) {
  if (op == "+") return Value::Float(a + b);
  if (op == "-") return Value::Float(a - b);
  if (op == "*") return Value::Float(a * b);
  if (op == "**") return FloatPower(run, a, b);
  if (b == 0) return FailZero(run);
  if (op == "/") return Value::Float(a / b);
  return Value::Float(op == "//" ? FloorQuotient(a, b) : FloorRemainder(a, b));
}

Value Concatenated(Run& run, const Value& a, const Value& b) {
  if (a.Is(Kind::kString)) {
    if (!run.MakeText(a.text().size() + b.text().size())) return {};
    Text text = a.text();
    text.Append(b.text());
    return Value::String(std::move(text));
  }
  if (!run.Make((a.items().size() + b.items().size()) * sizeof(Value))) return {};
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.IsTuple() ? run.Tuple(std::move(items)) : run.List(std::move(items));
}

Text Repeated(const Text& text, size_t count) {
  Text repeated, power = text;
  for (; count > 0 && !text.empty(); count /= 2) {
    if (count % 2 == 1) repeated.Append(power);
    if (count > 1) power.Append(power);
  }
  return repeated;
}

Value Repeat(Run& run, const Value& value, int64_t times) {
  const auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
  const size_t size =
      value.Is(Kind::kString) ? value.text().size() : value.items().size() * sizeof(Value);
  size_t bytes = 0;
  if (__builtin_mul_overflow(size, count, &bytes)) bytes = SIZE_MAX;
  if (value.Is(Kind::kString)) {
    if (!run.MakeText(bytes)) return {};
    return Value::String(Repeated(value.text(), count));
  }
  if (!run.Make(bytes)) return {};
  std::vector<Value> items;
  for (size_t i = 0; i < count && size > 0; ++i) {
    items.insert(items.end(), value.items().begin(), value.items().end());
  }
  return value.IsTuple() ? run.Tuple(std::move(items)) : run.List(std::move(items));
}

bool IsTextOrList(const Value& value) { return value.Is(Kind::kString) || value.Is(Kind::kList); }

}  // namespace

Value Calculate(Run& run, std::string_view op, const Value& a, const Value& b) {
  if (!run.ok()) return {};
  if (a.IsInteger() && b.IsInteger()) return Integers(run, op, a.AsInt(), b.AsInt());
  if (a.IsNumber() && b.IsNumber()) return Floats(run, op, a.AsFloat(), b.AsFloat());
  if (op == "%" && a.Is(Kind::kString)) return PercentFormat(run, a.text(), b);
  for (const Value* value : {&a, &b}) {
    if (value->Is(Kind::kUndefined)) return run.FailUndefined(*value);
    if (value->Is(Kind::kLargeInt)) return FailOverflow(run);
  }
  if (op == "+" && a.kind() == b.kind() && IsTextOrList(a) && a.IsTuple() == b.IsTuple()) {
    return Concatenated(run, a, b);
  }
  if (op == "*" && IsTextOrList(a) && b.IsInteger()) return Repeat(run, a, b.AsInt());
  if (op == "*" && IsTextOrList(b) && a.IsInteger()) return Repeat(run, b, a.AsInt());
  return run.FailType(absl::StrCat("'", std::string(op), "' does not take ",
                                   std::string(TypeName(a)), " and ", std::string(TypeName(b))));
}

Value Negative(Run& run, const Value& value) {
  if (value.Is(Kind::kFloat)) return Value::Float(-value.AsFloat());
  if (value.IsInteger()) return Integers(run, "-", 0, value.AsInt());
  return Positive(run, value);
}

Value Positive(Run& run, const Value& value) {
  if (value.Is(Kind::kFloat)) return value;
  if (value.IsInteger()) return Value::Int(value.AsInt());
  if (value.Is(Kind::kUndefined)) return run.FailUndefined(value);
  return run.FailType(absl::StrCat("a sign does not go with ", std::string(TypeName(value))));
}

}  // namespace octet::jinja
