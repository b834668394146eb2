#include "runtime/text/jinja/format_spec.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "runtime/text/jinja/repr.h"

namespace octet::jinja {
namespace {

std::string Digits(uint64_t value, unsigned base, bool upper) {
  const char* const digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string text;
  do {
    text += digits[value % base];
    value /= base;
  } while (value > 0);
  std::reverse(text.begin(), text.end());
  return text;
}

void AddCommas(std::string& digits) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (size_t at = whole; at > 3; at -= 3) digits.insert(at - 3, 1, ',');
}

std::string IntegerDigits(uint64_t value, const FormatSpec& spec) {
  const auto prefixed = [&](const char* prefix, unsigned base) {
    return absl::StrCat(spec.alternate ? prefix : "", Digits(value, base, spec.type == 'X'));
  };
  switch (spec.type) {
    case 'x':
      return prefixed("0x", 16);
    case 'X':
      return prefixed("0X", 16);
    case 'o':
      return prefixed("0o", 8);
    case 'b':
      return prefixed("0b", 2);
    default:
      return Digits(value, 10, false);
  }
}

std::string FloatDigits(double value, const FormatSpec& spec) {
  const bool percent = spec.type == '%';
  const char type = percent ? 'f' : spec.type;
  const std::string spelled = absl::StrCat(spec.alternate ? "%#.*" : "%.*", std::string(1, type));
  const char* const format = spelled.c_str();
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  if (percent) value *= 100;
  const int size = std::snprintf(nullptr, 0, format, precision, value);
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format, precision, value);
  text.pop_back();
  return percent ? absl::StrCat(text, "%") : text;
}

}  // namespace

int64_t ReadFormatNumber(Run& run, std::string_view text, size_t& at) {
  int64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = std::min(value * 10 + (text[at] - '0'), kMaxFormatNumber + 1);
  }
  if (value > kMaxFormatNumber) {
    run.Fail(ErrorKind::kLimit, "a width or precision is beyond 100000");
    return 0;
  }
  return value;
}

Text FormatText(Run& run, const Text& text, const FormatSpec& spec, char align) {
  const size_t keep = spec.precision < 0
                          ? text.code_points()
                          : std::min(text.code_points(), static_cast<size_t>(spec.precision));
  const auto width = static_cast<size_t>(spec.width);
  const size_t padding = width > keep ? width - keep : 0;
  if (!run.MakeText(text.size() + padding * spec.fill.size())) return Text();
  if (spec.align != '\0') align = spec.align;
  const size_t left = align == '<' ? 0 : align == '^' ? padding / 2 : padding;
  Text padded;
  for (size_t i = 0; i < left; ++i) padded.Append(spec.fill);
  padded.AppendPart(text, 0, text.ByteOf(keep));
  for (size_t i = left; i < padding; ++i) padded.Append(spec.fill);
  return padded;
}

Text Centered(Run& run, const Text& text, FormatSpec spec) {
  const auto size = static_cast<int64_t>(text.code_points());
  const int64_t padding = std::max<int64_t>(0, spec.width - size);
  const int64_t left = padding / 2 + (padding & spec.width & 1);
  spec.width = size + left;
  const Text moved = FormatText(run, text, spec, '>');
  spec.width = size + padding;
  return FormatText(run, moved, spec, '<');
}

Text FormatNumber(Run& run, const Value& value, const FormatSpec& spec) {
  bool negative = false;
  std::string digits;
  if (value.IsInteger() && std::string_view("dxXob").find(spec.type) != std::string_view::npos) {
    const int64_t number = value.AsInt();
    negative = number < 0;
    digits = IntegerDigits(
        negative ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number), spec);
  } else {
    const double number = value.AsFloat();
    negative = std::signbit(number) && !std::isnan(number);
    digits = FloatDigits(std::fabs(number), spec);
  }
  if (spec.comma) AddCommas(digits);
  std::string sign;
  if (negative || spec.sign != '-') sign.push_back(negative ? '-' : spec.sign);
  FormatSpec padding = spec;
  padding.precision = -1;
  if (spec.align != '=') return FormatText(run, Text(absl::StrCat(sign, digits)), padding, '>');
  const bool prefixed = digits.size() > 1 && digits[0] == '0' && std::isalpha(digits[1]) != 0;
  const std::string head = absl::StrCat(sign, digits.substr(0, prefixed ? 2 : 0));
  padding.align = '>';
  padding.width = std::max<int64_t>(0, spec.width - static_cast<int64_t>(head.size()));
  Text text(head);
  text.Append(FormatText(run, Text(digits.substr(prefixed ? 2 : 0)), padding, '>'));
  return text;
}

}  // namespace octet::jinja
