#include "runtime/batch/lax_values.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace octet {
namespace {

constexpr size_t kMaxNumberBytes = 64;  // of a text that may be a number

// Returns the text without white space around it, "+" in front, and "_" between digits. Returns an
// empty text if it cannot be a number.
std::string NumberText(const std::string& text) {
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  std::string_view rest = text;
  rest = rest.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
  if (rest.starts_with('+')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-')) return "";
  }
  if (rest.size() > kMaxNumberBytes) return "";
  std::string number;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '_') {
      number += rest[i];
    } else if (i == 0 || i + 1 == rest.size() || !absl::ascii_isdigit(rest[i - 1]) ||
               !absl::ascii_isdigit(rest[i + 1])) {
      return "";
    }
  }
  return number;
}

// Accepts digits, with at most ".0" after them.
std::optional<int64_t> IntegerOf(const std::string& text) {
  std::string number = NumberText(text);
  if (const size_t point = number.find('.'); point != std::string::npos) {
    const std::string_view fraction = std::string_view(number).substr(point + 1);
    if (fraction.empty() || fraction.find_first_not_of('0') != std::string_view::npos) {
      return std::nullopt;
    }
    number.resize(point);
  }
  int64_t value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> DoubleOf(const std::string& text) {
  const std::string number = NumberText(text);
  double value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<int64_t> IntegerOf(double number) {
  // From 2^63 on, a double may come from an integer that was too large to be read as one.
  constexpr double kEnd = 9223372036854775808.0;
  if (!(std::abs(number) < kEnd) || std::trunc(number) != number) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<bool> BoolOf(const std::string& text) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "on", "t", "true", "y", "yes"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "off", "f", "false", "n", "no"};
  if (text.size() > std::string_view("false").size()) return std::nullopt;
  const std::string word = absl::AsciiStrToLower(text);
  if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> LaxInteger(const Json& value) {
  if (value.is_string()) return IntegerOf(value.get_ref<const std::string&>());
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_number_unsigned()) {
    constexpr auto kMost = std::numeric_limits<int64_t>::max();
    const auto number = value.get<uint64_t>();
    return number <= uint64_t{kMost} ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  return value.is_number_float() ? IntegerOf(value.get<double>()) : std::nullopt;
}

std::optional<double> LaxDouble(const Json& value) {
  std::optional<double> number;
  if (value.is_string()) number = DoubleOf(value.get_ref<const std::string&>());
  if (value.is_boolean()) number = value.get<bool>() ? 1 : 0;
  if (value.is_number()) number = value.get<double>();
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<bool> LaxBool(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return BoolOf(value.get_ref<const std::string&>());
  const std::optional<int64_t> number = LaxInteger(value);
  if (!number || (*number != 0 && *number != 1)) return std::nullopt;
  return *number == 1;
}

}  // namespace octet
