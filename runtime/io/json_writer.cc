#include "runtime/io/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr float kMinusInfinity = -9999;

// Returns the escape of a character that a string must not contain, or an empty text if it may.
std::string Escape(char character) {
  switch (character) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<uint8_t>(character);
  if (byte >= 0x20) return "";
  return std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
}

bool IsPlain(char character) {
  const auto byte = static_cast<uint8_t>(character);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

}  // namespace

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  AppendQuoted(name);
  json_ += layout_ == Layout::kIndented ? ": " : ":";
  after_value_ = false;
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view text) {
  Separate();
  AppendQuoted(text);
  return *this;
}

JsonWriter& JsonWriter::Integer(int64_t value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  return Append({digits, end});
}

template <typename Number>
JsonWriter& JsonWriter::AppendNumber(Number value) {
  if (!std::isfinite(value)) return Null();
  // Uses an exponent only if the plain form is long.
  const Number magnitude = std::abs(value);
  const bool plain = value == 0 || (magnitude >= static_cast<Number>(1e-4) &&
                                    magnitude < static_cast<Number>(1e15));
  char digits[40];
  const auto [end, error] =
      std::to_chars(digits, digits + sizeof(digits), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view text(digits, end);
  Append(text);
  if (plain && text.find('.') == text.npos) json_ += ".0";  // shows that it is no integer
  return *this;
}

JsonWriter& JsonWriter::Float(float value) {
  if (std::isinf(value) && value < 0) return Float(kMinusInfinity);
  return AppendNumber(value);
}

JsonWriter& JsonWriter::Double(double value) { return AppendNumber(value); }

void JsonWriter::Separate() {
  if (after_value_) json_ += ',';
  if (depth_ > 0 && !after_key_) BreakLine();
  after_value_ = true;
  after_key_ = false;
}

void JsonWriter::BreakLine() {
  if (layout_ == Layout::kOneLine) return;
  constexpr size_t kIndent = 2;
  json_ += '\n';
  json_.append(kIndent * depth_, ' ');
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  json_ += bracket;
  ++depth_;
  after_value_ = false;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  --depth_;
  if (after_value_) BreakLine();
  json_ += bracket;
  after_value_ = true;
  return *this;
}

JsonWriter& JsonWriter::Append(std::string_view token) {
  Separate();
  json_ += token;
  return *this;
}

void JsonWriter::AppendQuoted(std::string_view text) {
  json_ += '"';
  while (!text.empty()) {
    const auto special = std::find_if_not(text.begin(), text.end(), IsPlain);
    json_.append(text.begin(), special);
    text.remove_prefix(special - text.begin());
    if (text.empty()) break;
    const size_t size = FirstUtf8Char(text).size;
    const std::string escape = Escape(text[0]);
    if (!escape.empty()) {
      json_ += escape;
    } else {
      json_ += size == 0 ? kReplacementCharacter : text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  json_ += '"';
}

}  // namespace octet
