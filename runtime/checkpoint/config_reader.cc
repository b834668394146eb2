#include "runtime/checkpoint/config_reader.h"

#include <absl/strings/str_cat.h>

#include <cmath>
#include <utility>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr size_t kMostWarnings = 20;

// Returns a value in the form for an error message.
std::string Shown(const json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  return value.is_string() ? Quoted(value.get<std::string>()) : value.dump();
}

// Returns nullopt unless the value is an integer from `least` to `most`.
std::optional<int> IntIn(const json& value, int least, int most) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value < json(least) || value > json(most)) return std::nullopt;
  return value.get<int>();
}

}  // namespace

ConfigReader::ConfigReader(const json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object())
    status_ = absl::InvalidArgumentError(absl::StrCat(where_, ": is not a JSON object"));
}

const json& ConfigReader::Value(const std::string& key) {
  asked_.insert(key);
  if (!object_.is_object()) return null_;
  const auto found = object_.find(key);
  return found == object_.end() ? null_ : *found;
}

void ConfigReader::WarnOfUnreadKeys(const std::set<std::string>& harmless,
                                    std::vector<std::string>& warnings) const {
  size_t unread = 0;
  for (const auto& [key, value] : object_.items()) {
    if (asked_.contains(key) || harmless.contains(key)) continue;
    if (++unread > kMostWarnings) continue;
    warnings.push_back(absl::StrCat(where_, ": unknown key ", Quoted(key), " has no effect"));
  }
  if (unread <= kMostWarnings) return;
  warnings.push_back(
      absl::StrCat(where_, ": ", unread - kMostWarnings, " more unknown keys have no effect"));
}

void ConfigReader::Fail(const std::string& key, const std::string& rule) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(where_, ": ", key, " ", rule));
}

int ConfigReader::PositiveInt(const std::string& key, int fallback, int most) {
  if (IsNull(key)) Fail(key, "is null; state a positive integer");
  return OptionalPositiveInt(key, most).value_or(fallback);
}

std::optional<int> ConfigReader::OptionalPositiveInt(const std::string& key, int most) {
  return OptionalInt(key, 1, most);
}

std::optional<int> ConfigReader::OptionalInt(const std::string& key, int least, int most) {
  if (!Has(key)) return std::nullopt;
  const auto number = IntIn(Value(key), least, most);
  if (!number)
    Fail(key,
         absl::StrCat("is ", Shown(Value(key)), ", not an integer from ", least, " to ", most));
  return number;
}

std::optional<double> ConfigReader::OptionalNumber(const std::string& key, double least,
                                                   double most) {
  if (!Has(key)) return std::nullopt;
  const json& value = Value(key);
  if (value.is_number() && value.get<double>() >= least && value.get<double>() <= most) {
    return value.get<double>();
  }
  Fail(key, absl::StrCat("is ", Shown(value), ", not a number from ", least, " to ", most));
  return std::nullopt;
}

double ConfigReader::PositiveNumber(const std::string& key, double fallback) {
  if (!object_.contains(key)) return fallback;
  const json& value = Value(key);
  if (value.is_number() && value.get<double>() > 0) return value.get<double>();
  Fail(key, absl::StrCat("is ", Shown(value), ", not a number above 0"));
  return fallback;
}

bool ConfigReader::Bool(const std::string& key, bool fallback) {
  if (!Has(key)) return fallback;
  if (Value(key).is_boolean()) return Value(key).get<bool>();
  Fail(key, absl::StrCat("is ", Shown(Value(key)), ", not true or false"));
  return fallback;
}

std::optional<std::string> ConfigReader::OptionalString(const std::string& key) {
  if (!Has(key)) return std::nullopt;
  if (Value(key).is_string()) return Value(key).get<std::string>();
  Fail(key, absl::StrCat("is ", Shown(Value(key)), ", not a string"));
  return std::nullopt;
}

std::optional<std::vector<int32_t>> ConfigReader::TokenIds(const std::string& key) {
  if (!object_.contains(key)) return std::nullopt;
  const json& value = Value(key);
  std::vector<int32_t> ids;
  for (const json& id : value.is_array()  ? value
                        : value.is_null() ? json::array()
                                          : json::array({value})) {
    const auto number = IntIn(id, 0, kMaxInt);
    if (!number) Fail(key, absl::StrCat("holds ", Shown(id), ", which is not a token id"));
    ids.push_back(number.value_or(0));
  }
  return ids;
}

}  // namespace octet
