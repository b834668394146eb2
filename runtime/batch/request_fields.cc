#include "runtime/batch/request_fields.h"

#include <absl/strings/str_cat.h>

#include <limits>

#include "kernels/base/activity.h"
#include "runtime/batch/lax_values.h"
#include "runtime/io/strict_json.h"

namespace octet {

// Finds fields by a walk over them, unless the object has a hostile size.
Fields::Fields(const Json& object, std::string_view prefix, Findings& findings)
    : object_(object), prefix_(prefix), findings_(findings) {
  constexpr size_t kMany = 256;
  constexpr size_t kFieldsPerTick = 4096;
  const auto* members = object.get_ptr<const Json::object_t*>();
  if (members == nullptr || members->size() < kMany) return;
  by_name_.reserve(members->size());
  for (const auto& [name, value] : *members) {
    by_name_[name] = &value;
    if (by_name_.size() % kFieldsPerTick == 0) Activity::OfThisThread().Tick();
  }
}

const Json* Fields::Find(std::string_view key) const {
  const Json* value = nullptr;
  if (!by_name_.empty()) {
    const auto found = by_name_.find(key);
    if (found != by_name_.end()) value = found->second;
  } else {
    const auto found = object_.find(key);
    if (found != object_.end()) value = &*found;
  }
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Json* Fields::Take(std::string_view key) {
  const Json* value = Find(key);
  if (value != nullptr) taken_.insert(value);
  return value;
}

std::optional<int64_t> Fields::TakeInteger(std::string_view key, int64_t least, int64_t most) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> number = LaxInteger(*value);
  if (number && *number >= least && *number <= most) return number;
  Fail(key, absl::StrCat("must be a whole number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<float> Fields::TakeFloat(std::string_view key, float least, float most) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<double> number = LaxDouble(*value);
  if (number && *number >= least && *number <= most) return static_cast<float>(*number);
  Fail(key, absl::StrCat("must be a number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<float> Fields::TakePositiveFloat(std::string_view key, float most) {
  // A smaller value counts as 0 in computations.
  constexpr float kLeast = std::numeric_limits<float>::min();
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<double> number = LaxDouble(*value);
  if (number && *number >= kLeast && *number <= most) return static_cast<float>(*number);
  Fail(key, absl::StrCat("must be a number above 0 and up to ", most));
  return std::nullopt;
}

std::optional<bool> Fields::TakeBool(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  std::optional<bool> switched = LaxBool(*value);
  if (!switched) Fail(key, "must be true or false");
  return switched;
}

std::optional<std::string> Fields::TakeString(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  Fail(key, "must be a string");
  return std::nullopt;
}

const Json* Fields::TakeArray(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr || value->is_array()) return value;
  Fail(key, "must be a list");
  return nullptr;
}

const Json* Fields::TakeObject(std::string_view key) {
  const Json* value = Take(key);
  if (value == nullptr || value->is_object()) return value;
  Fail(key, "must be an object");
  return nullptr;
}

void Fields::Fail(std::string_view key, std::string_view rule, std::string_view code) {
  if (findings_.error) return;
  std::string name(prefix_);
  name += Shortened(key);  // the client chose it, so it may have any length
  std::string message = Quoted(name) + " ";
  message += rule;
  findings_.error = {
      .message = std::move(message), .param = std::move(name), .code = std::string(code)};
}

void Fields::Note(const std::string& text) {
  if (!text.empty()) findings_.notes.push_back(text);
}

void Fields::FailMissing(std::string_view key) {
  Fail(key, "is missing", "missing_required_parameter");
}

void Fields::Refuse(std::string_view key, std::string_view rule, std::string_view code) {
  Fail(key, rule, code);
}

bool Fields::IsTaken(const Json& value) const { return taken_.contains(&value); }

const Json* Fields::TakeLeft(std::string_view key) {
  const Json* value = Find(key);
  return value == nullptr || IsTaken(*value) ? nullptr : Take(key);
}

void Fields::RefuseRest() {
  for (auto field = object_.begin(); field != object_.end(); ++field) {
    if (field->is_null() || IsTaken(*field)) continue;
    if (findings_.lenient) {
      findings_.ignored.emplace_back(prefix_).append(Shortened(field.key()));
    } else {
      Fail(field.key(), "is not a field that this version serves; --lenient leaves it out",
           "unknown_parameter");
    }
  }
}

std::string Element(const std::string& list, size_t index) {
  return absl::StrCat(list, "[", index, "]");
}

std::optional<int32_t> TokenId(const Json& value, int64_t vocab_size) {
  const std::optional<int64_t> id = LaxInteger(value);
  if (!id || *id < 0 || *id >= vocab_size) return std::nullopt;
  return static_cast<int32_t>(*id);
}

}  // namespace octet
