#include "runtime/batch/request_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/io/strict_json.h"

namespace octet {

using nlohmann::json;

const json* Fields::Take(std::string_view key) {
  const auto found = object_.find(key);
  if (found == object_.end() || found->is_null()) return nullptr;
  taken_.push_back(&*found);
  return &*found;
}

std::optional<int64_t> Fields::TakeInteger(std::string_view key, int64_t least, int64_t most) {
  const json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> number = WholeNumber(*value);
  if (number && *number >= least && *number <= most) return number;
  Fail(key, absl::StrCat("must be a whole number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<float> Fields::TakeFloat(std::string_view key, float least, float most) {
  const json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const bool fits =
      value->is_number() && value->get<double>() >= least && value->get<double>() <= most;
  if (fits) return value->get<float>();
  Fail(key, absl::StrCat("must be a number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<float> Fields::TakePositiveFloat(std::string_view key, float most) {
  // What is smaller counts as 0 in computations.
  constexpr float kLeast = std::numeric_limits<float>::min();
  const json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const bool fits =
      value->is_number() && value->get<double>() >= kLeast && value->get<double>() <= most;
  if (fits) return value->get<float>();
  Fail(key, absl::StrCat("must be a number above 0 and up to ", most));
  return std::nullopt;
}

std::optional<bool> Fields::TakeBool(std::string_view key) {
  const json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  Fail(key, "must be true or false");
  return std::nullopt;
}

std::optional<std::string> Fields::TakeString(std::string_view key) {
  const json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  Fail(key, "must be a string");
  return std::nullopt;
}

const json* Fields::TakeArray(std::string_view key) {
  const json* value = Take(key);
  if (value == nullptr || value->is_array()) return value;
  Fail(key, "must be a list");
  return nullptr;
}

const json* Fields::TakeObject(std::string_view key) {
  const json* value = Take(key);
  if (value == nullptr || value->is_object()) return value;
  Fail(key, "must be an object");
  return nullptr;
}

void Fields::Fail(std::string_view key, std::string_view rule, std::string_view code) {
  if (findings_.error) return;
  std::string name(prefix_);
  name += Shortened(key);  // the client chose it, at any length
  std::string message = "'" + name + "' ";
  message += rule;
  findings_.error = {
      .message = std::move(message), .param = std::move(name), .code = std::string(code)};
}

void Fields::FailMissing(std::string_view key) {
  Fail(key, "is missing", "missing_required_parameter");
}

void Fields::Refuse(std::string_view key, std::string_view rule, std::string_view code) {
  if (!findings_.lenient) return Fail(key, rule, code);
  findings_.ignored.emplace_back(prefix_).append(Shortened(key));
}

void Fields::RefuseRest() {
  for (auto field = object_.begin(); field != object_.end(); ++field) {
    if (field->is_null() || std::find(taken_.begin(), taken_.end(), &*field) != taken_.end()) {
      continue;
    }
    Refuse(field.key(), "is not a field that this version serves", "unknown_parameter");
  }
}

std::optional<int64_t> WholeNumber(const json& value) {
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    return number <= uint64_t{kMost} ? std::optional(static_cast<int64_t>(number)) : std::nullopt;
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  // From 2^63 a double may stand for an integer that was too great to be read as one.
  constexpr double kEnd = 9223372036854775808.0;
  if (!value.is_number_float()) return std::nullopt;
  const auto number = value.get<double>();
  if (std::abs(number) >= kEnd || std::trunc(number) != number) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<int32_t> TokenId(const json& value, int64_t vocab_size) {
  const std::optional<int64_t> id = WholeNumber(value);
  if (!id || *id < 0 || *id >= vocab_size) return std::nullopt;
  return static_cast<int32_t>(*id);
}

}  // namespace octet
