#include "runtime/structured/schema_values.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace octet {
namespace {

bool IsCountWithin(int64_t count, const Schema& plain, const char* least, const char* most) {
  const Schema* lower = FindKeyword(plain, least);
  const Schema* upper = FindKeyword(plain, most);
  return (lower == nullptr || *lower <= count) && (upper == nullptr || *upper >= count);
}

// Returns whether a value has few parts, and theirs.
bool IsSmall(const Schema& value) {
  constexpr size_t kMostParts = 10'000;
  std::vector<const Schema*> parts = {&value};
  for (size_t i = 0; i < parts.size() && parts.size() <= kMostParts; ++i) {
    if (!parts[i]->is_structured()) continue;
    for (const Schema& part : *parts[i]) parts.push_back(&part);
  }
  return parts.size() <= kMostParts;
}

bool IsMultiple(const Schema& value, int64_t divisor) {
  if (value.is_number_unsigned()) {
    return value.get<uint64_t>() % static_cast<uint64_t>(divisor) == 0;
  }
  if (value.is_number_integer()) return value.get<int64_t>() % divisor == 0;
  return std::fmod(value.get<double>(), static_cast<double>(divisor)) == 0;
}

bool IsNumberWithin(const Schema& value, const Schema& plain) {
  const auto bound = [&plain](const char* keyword) { return FindKeyword(plain, keyword); };
  const Schema* limit = bound("minimum");
  if (limit != nullptr && value < *limit) return false;
  limit = bound("maximum");
  if (limit != nullptr && value > *limit) return false;
  limit = bound("exclusiveMinimum");
  if (limit != nullptr && value <= *limit) return false;
  limit = bound("exclusiveMaximum");
  if (limit != nullptr && value >= *limit) return false;
  limit = bound("multipleOf");
  return limit == nullptr || IsMultiple(value, limit->get<int64_t>());
}

bool HasEqualElements(const Schema& list) {
  std::vector<nlohmann::json> values(list.begin(), list.end());
  std::sort(values.begin(), values.end());
  return std::adjacent_find(values.begin(), values.end()) != values.end();
}

}  // namespace

absl::StatusOr<std::vector<Schema>> SchemaValues::ValidOf(const Schema& plain) {
  const Schema& list = plain["enum"];
  const bool has_others = plain.size() > (plain.contains("type") ? 2U : 1U);
  if (has_others && !IsSmall(list)) {
    return InvalidKeyword("enum", "or \"const\" is too large to stand beside other keywords");
  }
  expanded_.clear();
  std::vector<Schema> valid;
  for (const Schema& value : list) {
    const bool obeys =
        has_others ? CheckPlain(value, plain) : (TypeOfValue(value) & TypesOf(plain)) != 0;
    if (!status_.ok()) return status_;
    if (obeys) valid.push_back(value);
  }
  return valid;
}

bool SchemaValues::Found(const absl::StatusOr<bool>& found) {
  return found.ok() ? *found : Fail(found.status());
}

bool SchemaValues::Fail(const absl::Status& status) {
  status_.Update(status);
  return false;
}

bool SchemaValues::Check(const Schema& value, const Schema& schema) {
  if (!status_.ok()) return false;
  std::unique_ptr<std::vector<Schema>>& plain = expanded_[&schema];
  if (plain == nullptr) {
    absl::StatusOr<std::vector<Schema>> expanded = expansion_.Expand(schema);
    if (!expanded.ok()) return Fail(expanded.status());
    plain = std::make_unique<std::vector<Schema>>(*std::move(expanded));
  }
  const std::vector<Schema>& alternatives = *plain;  // which stays where it is
  return std::any_of(alternatives.begin(), alternatives.end(),
                     [&](const Schema& alternative) { return CheckPlain(value, alternative); });
}

bool SchemaValues::CheckPlain(const Schema& value, const Schema& plain) {
  if ((TypeOfValue(value) & TypesOf(plain)) == 0) return false;
  const Schema* values = FindKeyword(plain, "enum");
  if (values != nullptr && !ListHasValue(*values, value)) return false;
  values = FindKeyword(plain, kNotEnum);
  if (values != nullptr && ListHasValue(*values, value)) return false;
  if (value.is_string()) return CheckString(value.get_ref<const std::string&>(), plain);
  if (value.is_number()) return IsNumberWithin(value, plain);
  if (value.is_array()) return CheckArray(value, plain);
  return !value.is_object() || CheckObject(value, plain);
}

bool SchemaValues::CheckString(const std::string& text, const Schema& plain) {
  const absl::StatusOr<TextRule> rule = TextRuleOf(plain);
  return rule.ok() ? Found(strings_.Obeys(text, *rule)) : Fail(rule.status());
}

bool SchemaValues::CheckArray(const Schema& value, const Schema& plain) {
  if (!IsCountWithin(std::ssize(value), plain, "minItems", "maxItems")) return false;
  const Schema* unique = FindKeyword(plain, "uniqueItems");
  if (unique != nullptr && *unique == true && HasEqualElements(value)) return false;
  const Schema* first = FindKeyword(plain, "prefixItems");
  const Schema* others = FindKeyword(plain, "items");
  for (size_t i = 0; i < value.size(); ++i) {
    const bool is_first = first != nullptr && i < first->size();
    if (!is_first && others == nullptr) return true;
    if (!Check(value[i], is_first ? (*first)[i] : *others)) return false;
  }
  return true;
}

bool SchemaValues::CheckObject(const Schema& value, const Schema& plain) {
  if (!IsCountWithin(std::ssize(value), plain, "minProperties", "maxProperties")) return false;
  if (const Schema* required = FindKeyword(plain, "required")) {
    for (const Schema& name : *required) {
      if (!value.contains(name.get_ref<const std::string&>())) return false;
    }
  }
  for (auto member = value.begin(); member != value.end(); ++member) {
    if (!CheckMember(member.key(), *member, plain)) return false;
  }
  return true;
}

bool SchemaValues::CheckMember(const std::string& name, const Schema& value, const Schema& plain) {
  const Schema* names = FindKeyword(plain, "propertyNames");
  if (names != nullptr && !Check(name, *names)) return false;
  bool is_described = false;
  const Schema* properties = FindKeyword(plain, "properties");
  if (properties != nullptr && properties->contains(name)) {
    is_described = true;
    if (!Check(value, (*properties)[name])) return false;
  }
  if (const Schema* patterns = FindKeyword(plain, "patternProperties")) {
    for (auto entry = patterns->begin(); entry != patterns->end(); ++entry) {
      if (!Found(strings_.Matches(name, PatternOfNames(entry.key())))) continue;
      is_described = true;
      if (!Check(value, *entry)) return false;
    }
  }
  const Schema* additional = FindKeyword(plain, "additionalProperties");
  return is_described || additional == nullptr || Check(value, *additional);
}

}  // namespace octet
