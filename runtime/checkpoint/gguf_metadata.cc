#include "runtime/checkpoint/gguf_metadata.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <type_traits>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// In the order of GgufValue's alternatives.
constexpr std::array<const char*, 12> kTypeNames = {"uint8",  "int8",   "uint16",  "int16",
                                                    "uint32", "int32",  "float32", "bool",
                                                    "string", "uint64", "int64",   "float64"};
static_assert(std::variant_size_v<GgufValue> == 2 * kTypeNames.size());

template <typename T>
std::string ElementText(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return Quoted(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_floating_point_v<T>) {
    std::array<char, 32> text;  // the shortest that is read back as the same number
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), end};
  } else if constexpr (sizeof(T) == 1) {
    return absl::StrCat(static_cast<int>(value));
  } else {
    return absl::StrCat(value);
  }
}

template <typename T>
std::string ElementText(const std::vector<T>& array) {
  constexpr size_t kMost = 8;
  std::string text = "[";
  for (size_t i = 0; i < std::min(kMost, array.size()); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", ElementText<T>(array[i]));
  }
  if (array.size() > kMost) absl::StrAppend(&text, ", …] with ", array.size(), " elements");
  return array.size() > kMost ? text : text + "]";
}

// Returns an integer that is not negative, or nullopt.
template <typename T>
std::optional<uint64_t> ToUnsigned(const T& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (value >= 0) return static_cast<uint64_t>(value);
  }
  return std::nullopt;
}

}  // namespace

std::string GgufTypeName(const GgufValue& value) {
  const size_t i = value.index();
  if (i < kTypeNames.size()) return kTypeNames[i];
  return absl::StrCat("array of ", kTypeNames[i - kTypeNames.size()]);
}

std::string GgufValueText(const GgufValue& value) {
  return std::visit([](const auto& v) { return ElementText(v); }, value);
}

bool GgufMetadata::Add(const std::string& key, GgufValue value) {
  if (!places_.insert({key, entries_.size()}).second) return false;
  entries_.emplace_back(key, std::move(value));
  return true;
}

const GgufValue* GgufMetadata::Find(const std::string& key) const {
  const auto found = places_.find(key);
  return found == places_.end() ? nullptr : &entries_[found->second].second;
}

absl::StatusOr<uint64_t> GgufMetadata::GetUnsigned(const std::string& key) const {
  const absl::StatusOr<const GgufValue*> value = Required(key);
  if (!value.ok()) return value.status();
  const auto number = std::visit([](const auto& v) { return ToUnsigned(v); }, **value);
  if (!number) return WrongType(key, **value, "integer that is not negative");
  return *number;
}

absl::StatusOr<const GgufValue*> GgufMetadata::Required(const std::string& key) const {
  const GgufValue* value = Find(key);
  if (value != nullptr) return value;
  return absl::NotFoundError(absl::StrCat(path_, ": its metadata have no ", Quoted(key),
                                          "; convert the model to GGUF anew"));
}

absl::Status GgufMetadata::WrongType(const std::string& key, const GgufValue& value,
                                     const std::string& expected) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path_, ": metadata ", Quoted(key), " has the type ", GgufTypeName(value),
                   " and the value ", GgufValueText(value), ", but the type ", expected,
                   " is expected; convert the model to GGUF anew"));
}

}  // namespace octet
