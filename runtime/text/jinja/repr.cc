#include "runtime/text/jinja/repr.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

class ReprWriter {
 public:
  explicit ReprWriter(Run& run) : run_(run) {}

  void Write(const Value& value) {
    const Level level(run_);
    if (level.ok() && run_.Grow(text.size(), kScalarBytes)) WriteValue(value);
  }

  std::string text;

 private:
  void WriteValue(const Value& value) {
    switch (value.kind()) {
      case Kind::kNone:
        text += "None";
        return;
      case Kind::kUndefined:
        text += "Undefined";
        return;
      case Kind::kBool:
        text += value.AsBool() ? "True" : "False";
        return;
      case Kind::kInt:
        absl::StrAppend(&text, value.AsInt());
        return;
      case Kind::kFloat:
        text += FloatRepr(value.AsFloat());
        return;
      case Kind::kLargeInt:
        absl::StrAppend(&text, value.AsLargeInt());
        return;
      case Kind::kString:
        if (run_.Grow(text.size(), value.text().size())) text += StringRepr(value.text().view());
        return;
      case Kind::kRange:
        return WriteRange(value.range());
      default:
        return WriteContainer(value);
    }
  }

  void WriteContainer(const Value& value) {
    switch (value.kind()) {
      case Kind::kList:
        return WriteList(value);
      case Kind::kDict:
        return WriteDict(value.dict());
      case Kind::kView:
        return WriteView(value.view());
      default:
        run_.FailUnsupported(absl::StrCat("to print a ", std::string(TypeName(value))));
    }
  }

  void WriteRange(const Range& range) {
    absl::StrAppend(&text, "range(", range.start, ", ", range.stop);
    if (range.step != 1) absl::StrAppend(&text, ", ", range.step);
    text += ')';
  }

  void WriteList(const Value& value) {
    const bool tuple = value.IsTuple();
    text += tuple ? '(' : '[';
    bool first = true;
    for (const Value& item : value.items()) {
      if (!run_.ok()) return;
      if (!std::exchange(first, false)) text += ", ";
      Write(item);
    }
    if (tuple && value.items().size() == 1) text += ',';
    text += tuple ? ')' : ']';
  }

  void WriteDict(const Dict& dict) {
    text += '{';
    bool first = true;
    for (const auto& [key, value] : dict.items()) {
      if (!run_.ok()) return;
      if (!std::exchange(first, false)) text += ", ";
      Write(key);
      text += ": ";
      Write(value);
    }
    text += '}';
  }

  void WriteView(const View& view) {
    constexpr const char* kNames[] = {"dict_keys", "dict_values", "dict_items"};
    absl::StrAppend(&text, kNames[static_cast<int>(view.kind)], "([");
    for (size_t i = 0; i < view.dict.dict().items().size() && run_.ok(); ++i) {
      if (i > 0) text += ", ";
      Write(view.At(i));
    }
    text += "])";
  }

  Run& run_;
};

}  // namespace

Text Str(Run& run, const Value& value) {
  if (value.Is(Kind::kString)) return value.text();
  if (value.Is(Kind::kUndefined)) return Text();
  return Repr(run, value);
}

Text Repr(Run& run, const Value& value) {
  ReprWriter writer(run);
  writer.Write(value);
  if (!run.ok()) return Text();
  return Text(writer.text, value.any_outside());
}

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto written = [&](std::chars_format format) {
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format);
    return std::string(buffer, static_cast<size_t>(end.ptr - buffer));
  };
  std::string shortest = written(std::chars_format::scientific);
  const size_t e = shortest.find('e');
  const int exponent = std::atoi(shortest.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return shortest;
  std::string text = written(std::chars_format::fixed);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string StringRepr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string repr(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t code = NextCodePoint(text, at);
    if (code == '\\' || code == static_cast<char32_t>(quote)) {
      repr += '\\';
      repr += static_cast<char>(code);
    } else if (code == '\n' || code == '\r' || code == '\t') {
      repr += code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
    } else if ((PropertiesOf(code) & kIsPrintable) != 0) {
      repr += text.substr(begin, at - begin);
    } else {
      const auto number = static_cast<unsigned>(code);
      repr += code < 0x100     ? absl::StrFormat("\\x%02x", number)
              : code < 0x10000 ? absl::StrFormat("\\u%04x", number)
                               : absl::StrFormat("\\U%08x", number);
    }
  }
  return repr + quote;
}

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
      return "NoneType";
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kLargeInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      return value.IsTuple() ? "tuple" : "list";
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kView:
      return "dict view";
    case Kind::kIterator:
      return "generator";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kCallable:
      return "function";
  }
  return "";
}

}  // namespace octet::jinja
