#include "runtime/text/jinja/format.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/io/utf8.h"
#include "runtime/text/jinja/access.h"
#include "runtime/text/jinja/format_spec.h"
#include "runtime/text/jinja/literal.h"
#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

// The values of a % format: those of a tuple in turn, those of a mapping by name, or the one value.
class PercentValues {
 public:
  PercentValues(Run& run, const Value& values) : run_(run), values_(values) {}

  Value Next() {
    if (values_.IsTuple()) {
      if (taken_ < values_.items().size()) return values_.items()[taken_++];
    } else if (taken_++ == 0) {
      return values_;
    }
    return run_.FailType("a % format misses an argument");
  }

  Value Named(std::string_view name) {
    named_ = true;
    if (values_.Is(Kind::kDict)) {
      if (const Value* value = values_.dict().Find(name)) return *value;
    }
    return run_.FailType("a % format has no value named " + Quoted(std::string(name)));
  }

  // Values with items by name or number need not be used.
  void CheckAllTaken() {
    const bool all = values_.IsTuple() ? taken_ == values_.items().size()
                                       : taken_ > 0 || named_ || values_.Is(Kind::kDict) ||
                                             values_.Is(Kind::kList) || values_.Is(Kind::kRange) ||
                                             values_.Is(Kind::kUndefined);
    if (!all) run_.FailType("a % format does not use all of its arguments");
  }

 private:
  Run& run_;
  const Value& values_;
  size_t taken_ = 0;
  bool named_ = false;
};

Text PercentNumber(Run& run, Value value, FormatSpec spec, bool zero) {
  const char type = spec.type;
  const bool integer = std::string_view("diuxXo").find(type) != std::string_view::npos;
  if (type == 'i' || type == 'u') spec.type = 'd';
  if (value.Is(Kind::kUndefined)) return run.FailUndefined(value), Text();
  if (!value.IsNumber() || (integer && spec.type != 'd' && !value.IsInteger())) {
    run.FailType(absl::StrCat("%", std::string(1, type), " takes a number"));
    return Text();
  }
  if (integer && !value.IsInteger()) {
    const double whole = std::trunc(value.AsFloat());
    if (!(std::fabs(whole) < 9e18)) return run.FailType("a float gives no integer"), Text();
    value = Value::Int(static_cast<int64_t>(whole));
  }
  if (integer && spec.precision >= 0) {
    run.FailUnsupported("a precision of an integer in a % format");
    return Text();
  }
  if (zero && spec.align != '<') {
    spec.fill.assign(1, '0');
    spec.align = '=';
  }
  return FormatNumber(run, value, spec);
}

Text PercentCharacter(Run& run, const Value& value, const FormatSpec& spec) {
  if (value.Is(Kind::kString) && value.text().code_points() == 1) {
    return FormatText(run, value.text(), spec, '>');
  }
  std::string text;
  const bool valid = value.IsInteger() && value.AsInt() >= 0 && value.AsInt() <= 0x10FFFF &&
                     (value.AsInt() < 0xD800 || value.AsInt() >= 0xE000);
  if (!valid) return run.FailType("%c takes a character or its number"), Text();
  AppendUtf8(static_cast<char32_t>(value.AsInt()), text);
  return FormatText(run, Text(text), spec, '>');
}

// Formats a field; `at` is after the "%".
Text PercentField(Run& run, std::string_view format, size_t& at, PercentValues& values) {
  std::optional<Value> named;
  if (at < format.size() && format[at] == '(') {
    const size_t end = std::min(format.find(')', at), format.size());
    named = values.Named(format.substr(at + 1, end - at - 1));
    at = std::min(end + 1, format.size());
  }
  FormatSpec spec;
  bool zero = false;
  for (; at < format.size(); ++at) {
    if (format[at] == '-') {
      spec.align = '<';
    } else if (format[at] == '+' || (format[at] == ' ' && spec.sign == '-')) {
      spec.sign = format[at];
    } else if (format[at] == '0') {
      zero = true;
    } else if (format[at] == '#') {
      spec.alternate = true;
    } else if (format[at] != ' ') {
      break;
    }
  }
  spec.width = ReadFormatNumber(run, format, at);
  if (at < format.size() && format[at] == '.') {
    spec.precision = ReadFormatNumber(run, format, ++at);
  }
  spec.type = at < format.size() ? format[at++] : '\0';
  if (spec.type == '%') return Text("%");
  if (std::string_view("srdiuxXofFeEgGc").find(spec.type) == std::string_view::npos) {
    run.FailUnsupported("this conversion of a % format");
    return Text();
  }
  const Value value = named.has_value() ? *named : values.Next();
  if (!run.ok()) return Text();
  if (spec.type == 's') return FormatText(run, Str(run, value), spec, '>');
  if (spec.type == 'r') return FormatText(run, Repr(run, value), spec, '>');
  if (spec.type == 'c') return PercentCharacter(run, value, spec);
  return PercentNumber(run, value, spec, zero);
}

// Reads the text after the colon of a field.
FormatSpec ReadSpec(Run& run, std::string_view text) {
  constexpr std::string_view kAligns = "<>^=";
  FormatSpec spec;
  size_t at = 0;
  const auto is_align = [&](size_t place) {
    return place < text.size() && kAligns.find(text[place]) != std::string_view::npos;
  };
  size_t behind = 0;
  if (!text.empty()) NextCodePoint(text, behind);
  if (behind > 0 && is_align(behind)) {
    spec.fill = text.substr(0, behind);
    spec.align = text[behind];
    at = behind + 1;
  } else if (is_align(0)) {
    spec.align = text[at++];
  }
  const auto take = [&](std::string_view any) {
    const bool found = at < text.size() && any.find(text[at]) != std::string_view::npos;
    return found ? text[at++] : '\0';
  };
  if (const char sign = take("+- "); sign != '\0') spec.sign = sign;
  spec.alternate = take("#") != '\0';
  if (take("0") != '\0' && spec.align == '\0') {
    spec.align = '=';
    spec.fill.assign(1, '0');
  }
  spec.width = ReadFormatNumber(run, text, at);
  spec.comma = take(",") != '\0';
  if (take(".") != '\0') spec.precision = ReadFormatNumber(run, text, at);
  spec.type = take("sdfFeEgGxXob%");
  if (at != text.size()) run.FailUnsupported("this format specification");
  return spec;
}

Text FormatBySpec(Run& run, const Value& value, std::string_view text) {
  if (text.empty()) return Str(run, value);
  FormatSpec spec = ReadSpec(run, text);
  if (value.Is(Kind::kString) && (spec.type == '\0' || spec.type == 's') && spec.align != '=') {
    return FormatText(run, value.text(), spec, '<');
  }
  if (value.IsInteger() && !value.Is(Kind::kBool) && spec.type == '\0') spec.type = 'd';
  const bool number = value.IsNumber() && spec.type != '\0' && spec.type != 's' &&
                      (value.IsInteger() ||
                       std::string_view("fFeEgG%").find(spec.type) != std::string_view::npos) &&
                      !(spec.comma && spec.align == '=');
  if (number) return FormatNumber(run, value, spec);
  run.FailUnsupported("this format specification for this type");
  return Text();
}

// The arguments of str.format, by number, by name or in turn.
class BraceValues {
 public:
  BraceValues(Run& run, const Arguments& arguments) : run_(run), arguments_(arguments) {}

  // Returns the value of `field`, such as 0.name[key].
  Value Get(std::string_view field) {
    const size_t end = std::min(field.find_first_of(".["), field.size());
    Value value = First(field.substr(0, end));
    for (size_t at = end; at < field.size() && run_.ok();) {
      if (field[at] == '[') {
        const size_t close = std::min(field.find(']', at), field.size());
        value = ItemOf(run_, value, Key(field.substr(at + 1, close - at - 1)));
        at = close + 1;
      } else {
        const size_t next = std::min(field.find_first_of(".[", at + 1), field.size());
        value = AttributeOf(run_, value, field.substr(at + 1, next - at - 1));
        at = next;
      }
    }
    return value;
  }

 private:
  static Value Key(std::string_view text) {
    bool overflow = false;
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    const auto number = digits ? ParsePythonInt(text, 10, overflow) : std::optional<int64_t>();
    return number.has_value() ? Value::Int(*number) : Value::String(text, Value::Origin::kTemplate);
  }

  Value First(std::string_view name) {
    const bool by_number = name.find_first_not_of("0123456789") == std::string_view::npos;
    if (by_number) {
      (name.empty() ? counted_ : numbered_) = true;
      if (counted_ && numbered_) {
        return run_.FailType("format() has fields with and without a number");
      }
    }
    const Value key = name.empty() ? Value::Int(static_cast<int64_t>(next_++)) : Key(name);
    if (key.Is(Kind::kInt)) {
      const auto index = static_cast<uint64_t>(key.AsInt());
      if (index < arguments_.positional.size()) return arguments_.positional[index];
      return run_.FailType("format() has too few arguments");
    }
    for (const auto& [given, value] : arguments_.named) {
      if (given == name) return value;
    }
    return run_.FailType("format() has no argument named " + Quoted(std::string(name)));
  }

  Run& run_;
  const Arguments& arguments_;
  size_t next_ = 0;
  bool counted_ = false, numbered_ = false;  // whether fields without and with a number came
};

Text BraceField(Run& run, std::string_view field, BraceValues& values) {
  const size_t colon = std::min(field.find(':'), field.size());
  std::string_view name = field.substr(0, colon);
  const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : "";
  char conversion = '\0';
  if (name.size() >= 2 && name[name.size() - 2] == '!') {
    conversion = name.back();
    name.remove_suffix(2);
  }
  const Value value = values.Get(name);
  if (!run.ok()) return Text();
  if (conversion == 'r') {
    return FormatBySpec(run, Value::String(Repr(run, value)), spec);
  }
  if (conversion == 's') return FormatBySpec(run, Value::String(Str(run, value)), spec);
  if (conversion != '\0') run.FailUnsupported("this conversion of format()");
  return FormatBySpec(run, value, spec);
}

}  // namespace

Value PercentFormat(Run& run, const Text& format, const Value& values) {
  PercentValues rest(run, values);
  Text text;
  for (size_t at = 0; at < format.size() && run.Step();) {
    const size_t field = std::min(format.view().find('%', at), format.size());
    text.AppendPart(format, at, field);
    at = field;
    if (at == format.size()) break;
    text.Append(PercentField(run, format.view(), ++at, rest));
  }
  rest.CheckAllTaken();
  return run.Text(std::move(text));
}

Value BraceFormat(Run& run, const Text& format, const Arguments& arguments) {
  BraceValues values(run, arguments);
  Text text;
  const std::string_view view = format.view();
  for (size_t at = 0; at < view.size() && run.Step();) {
    const size_t brace = std::min(view.find_first_of("{}", at), view.size());
    text.AppendPart(format, at, brace);
    at = brace;
    if (at == view.size()) break;
    if (at + 1 < view.size() && view[at + 1] == view[at]) {
      text.AppendPart(format, at, at + 1);
      at += 2;
      continue;
    }
    const size_t close = view.find('}', at);
    if (view[at] == '}' || close == std::string_view::npos) {
      return run.FailType("format() found a single brace");
    }
    const std::string_view field = view.substr(at + 1, close - at - 1);
    if (field.find('{') != std::string_view::npos) {
      return run.FailUnsupported("a field in a field of format()");
    }
    text.Append(BraceField(run, field, values));
    at = close + 1;
  }
  return run.Text(std::move(text));
}

}  // namespace octet::jinja
