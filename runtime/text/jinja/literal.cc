#include "runtime/text/jinja/literal.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "runtime/io/utf8.h"
#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

// Returns the size of the digits of `base`, with single underscores between them.
size_t DigitsSize(std::string_view text, int base) {
  size_t size = 0;
  while (size < text.size()) {
    const size_t digit = size > 0 && text[size] == '_' ? size + 1 : size;
    if (digit >= text.size() || DigitValue(text[digit]) >= base) break;
    size = digit + 1;
  }
  return size;
}

int BaseOfPrefix(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 10;
  switch (absl::ascii_tolower(static_cast<unsigned char>(text[1]))) {
    case 'b':
      return 2;
    case 'o':
      return 8;
    case 'x':
      return 16;
    default:
      return 10;
  }
}

size_t ExponentSize(std::string_view text) {
  if (text.empty() || (text[0] != 'e' && text[0] != 'E')) return 0;
  const size_t sign = text.size() > 1 && (text[1] == '+' || text[1] == '-') ? 1 : 0;
  const size_t digits = DigitsSize(text.substr(1 + sign), 10);
  return digits > 0 ? 1 + sign + digits : 0;
}

// Removes Python's whitespace around a number.
std::string_view Trimmed(std::string_view text) {
  size_t begin = text.size(), end = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if ((PropertiesOf(NextCodePoint(text, at)) & kIsSpace) != 0) continue;
    begin = std::min(begin, here);
    end = at;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

std::string WithoutUnderscores(std::string_view text) {
  std::string digits(text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  return digits;
}

// Reads `size` hexadecimal digits, or at most three octal ones; moves `at`.
std::optional<char32_t> ReadCode(std::string_view text, size_t& at, size_t size) {
  char32_t code = 0;
  for (size_t i = 0; i < size; ++i, ++at) {
    if (at >= text.size() || DigitValue(text[at]) >= 16) return std::nullopt;
    code = code * 16 + static_cast<char32_t>(DigitValue(text[at]));
  }
  return code;
}

char32_t ReadOctal(std::string_view text, size_t& at) {
  char32_t code = 0;
  for (size_t i = 0; i < 3 && at < text.size() && DigitValue(text[at]) < 8; ++i, ++at) {
    code = code * 8 + static_cast<char32_t>(DigitValue(text[at]));
  }
  return code;
}

// Returns the character of a one-letter escape after a backslash; '\0' for other letters.
char SimpleEscape(char letter) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  const size_t at = kLetters.find(letter);
  return at == std::string_view::npos ? '\0' : kMeanings[at];
}

// Appends the character of an escape; `at` is after the backslash.
absl::Status AppendEscape(std::string_view text, size_t& at, std::string& out) {
  const char letter = text[at];
  if (const char simple = SimpleEscape(letter); simple != '\0') {
    out += simple;
    ++at;
  } else if (letter == '\n') {
    ++at;
  } else if (DigitValue(letter) < 8) {
    AppendUtf8(ReadOctal(text, at), out);
  } else if (letter == 'x' || letter == 'u' || letter == 'U') {
    ++at;
    const auto code = ReadCode(text, at, letter == 'x' ? 2 : letter == 'u' ? 4 : 8);
    if (!code.has_value() || *code > 0x10FFFF) {
      return TemplateError(ErrorKind::kSyntax, "a string has a damaged \\x, \\u or \\U escape");
    }
    if (*code >= 0xD800 && *code < 0xE000) {
      return TemplateError(ErrorKind::kUnsupported, "a surrogate in a string is not supported");
    }
    AppendUtf8(*code, out);
  } else if (letter == 'N') {
    return TemplateError(ErrorKind::kUnsupported, "the escape \\N in a string is not supported");
  } else if (static_cast<unsigned char>(letter) >= 0x80) {  // jinja2 escapes it first
    const char32_t code = NextCodePoint(text, at);
    out += code < 0x100     ? absl::StrFormat("\\x%02x", static_cast<unsigned>(code))
           : code < 0x10000 ? absl::StrFormat("\\u%04x", static_cast<unsigned>(code))
                            : absl::StrFormat("\\U%08x", static_cast<unsigned>(code));
  } else {
    out += '\\';
  }
  return absl::OkStatus();
}

}  // namespace

size_t FloatLiteralSize(std::string_view text) {
  const size_t whole = DigitsSize(text, 10);
  if (whole == 0) return 0;
  size_t size = whole;
  if (size + 1 < text.size() && text[size] == '.') {
    const size_t fraction = DigitsSize(text.substr(size + 1), 10);
    if (fraction > 0) size += 1 + fraction;
  }
  const size_t exponent = ExponentSize(text.substr(size));
  return size > whole || exponent > 0 ? size + exponent : 0;
}

size_t IntegerLiteralSize(std::string_view text) {
  const int base = BaseOfPrefix(text);
  if (base != 10) {
    const size_t skip = text.size() > 2 && text[2] == '_' ? 3 : 2;
    const size_t digits = DigitsSize(text.substr(std::min(skip, text.size())), base);
    if (digits > 0) return skip + digits;
  }
  if (!text.empty() && text[0] == '0') {
    return DigitsSize(text.substr(0, text.find_first_not_of("0_")), 10);
  }
  return DigitsSize(text, 10);
}

std::optional<int64_t> ParsePythonInt(std::string_view text, int base, bool& overflow) {
  overflow = false;
  text = Trimmed(text);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  const int prefix = BaseOfPrefix(text);
  const bool by_prefix = base == 0;
  if (by_prefix) base = prefix;
  if (prefix == base && base != 10) {
    text.remove_prefix(text.size() > 2 && text[2] == '_' ? 3 : 2);
  } else if (by_prefix && text.size() > 1 && text[0] == '0' &&
             text.find_first_not_of("0_") != std::string_view::npos) {
    return std::nullopt;
  }
  if (text.empty() || DigitsSize(text, base) != text.size()) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c == '_') continue;
    const int digit = negative ? -DigitValue(c) : DigitValue(c);
    if (__builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      overflow = true;
      return std::nullopt;
    }
  }
  return value;
}

std::optional<double> ParsePythonFloat(std::string_view text) {
  text = Trimmed(text);
  std::string_view digits = text;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  const std::string word = absl::AsciiStrToLower({digits.data(), digits.size()});
  if (word != "inf" && word != "infinity" && word != "nan") {
    size_t size = DigitsSize(digits, 10);
    bool any = size > 0;
    if (size < digits.size() && digits[size] == '.') {
      const size_t fraction = DigitsSize(digits.substr(size + 1), 10);
      any = any || fraction > 0;
      size += 1 + fraction;
    }
    size += ExponentSize(digits.substr(size));
    if (!any || size != digits.size()) return std::nullopt;
  }
  double value = 0;
  if (!absl::SimpleAtod(WithoutUnderscores(text), &value)) return std::nullopt;
  return value;
}

absl::StatusOr<std::string> UnescapeString(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at++];
      continue;
    }
    ++at;
    if (absl::Status status = AppendEscape(text, at, out); !status.ok()) return status;
  }
  return out;
}

}  // namespace octet::jinja
