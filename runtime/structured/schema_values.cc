#include "runtime/structured/schema_values.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "runtime/structured/byte_automaton.h"
#include "runtime/structured/regex.h"

namespace octet {
namespace {

int64_t CountCharacters(const std::string& utf8) {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

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

// The automaton of an expression.
class SchemaValues::Matcher {
 public:
  static absl::StatusOr<std::unique_ptr<Matcher>> Make(const TextPattern& pattern) {
    auto matcher = std::make_unique<Matcher>();
    Grammar& grammar = matcher->grammar_;
    const RegexUse use = {
        .write = [&grammar](const CodePoints& set) { return grammar.Characters(set); },
        .is_search = pattern.is_search};
    const absl::StatusOr<Grammar::Node> node = AddRegex(pattern.regex, use, grammar);
    if (!node.ok()) {
      return InvalidKeyword(pattern.keyword, std::string(node.status().message()));
    }
    if (grammar.too_large()) return InvalidKeyword(pattern.keyword, "is too large");
    grammar.Finish(*node);
    if (grammar.has_texts()) matcher->automaton_.emplace(grammar);
    return matcher;
  }

  bool Matches(const std::string& text) {
    if (!automaton_) return false;
    int32_t state = automaton_->start();
    for (const char c : text) {
      state = automaton_->Step(state, static_cast<uint8_t>(c));
      if (state == ByteAutomaton::kDead) return false;
    }
    return automaton_->Accepts(state);
  }

 private:
  Grammar grammar_;
  std::optional<ByteAutomaton> automaton_;  // of grammar_, where that has texts
};

SchemaValues::SchemaValues(const SchemaExpansion& expansion) : expansion_(expansion) {}
SchemaValues::~SchemaValues() = default;

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

absl::StatusOr<bool> SchemaValues::Matches(const std::string& text, const TextPattern& pattern) {
  std::unique_ptr<Matcher>& matcher =
      matchers_[absl::StrCat(pattern.is_search ? "s" : "w", pattern.regex)];
  if (matcher == nullptr) {
    absl::StatusOr<std::unique_ptr<Matcher>> made = Matcher::Make(pattern);
    if (!made.ok()) return made.status();
    matcher = *std::move(made);
  }
  return matcher->Matches(text);
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
  if (value.is_string()) return CheckString(value.get_ref<const std::string&>(), plain);
  if (value.is_number()) return IsNumberWithin(value, plain);
  if (value.is_array()) return CheckArray(value, plain);
  return !value.is_object() || CheckObject(value, plain);
}

bool SchemaValues::CheckString(const std::string& text, const Schema& plain) {
  if (!IsCountWithin(CountCharacters(text), plain, "minLength", "maxLength")) return false;
  const absl::StatusOr<std::vector<TextPattern>> patterns = PatternsOf(plain);
  if (!patterns.ok()) return Fail(patterns.status());
  return std::all_of(patterns->begin(), patterns->end(), [&](const TextPattern& pattern) {
    const absl::StatusOr<bool> matches = Matches(text, pattern);
    return matches.ok() ? *matches : Fail(matches.status());
  });
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
  bool is_described = false;
  const Schema* properties = FindKeyword(plain, "properties");
  if (properties != nullptr && properties->contains(name)) {
    is_described = true;
    if (!Check(value, (*properties)[name])) return false;
  }
  if (const Schema* patterns = FindKeyword(plain, "patternProperties")) {
    for (auto entry = patterns->begin(); entry != patterns->end(); ++entry) {
      const absl::StatusOr<bool> matches = Matches(name, PatternOfNames(entry.key()));
      if (!matches.ok()) return Fail(matches.status());
      if (!*matches) continue;
      is_described = true;
      if (!Check(value, *entry)) return false;
    }
  }
  const Schema* additional = FindKeyword(plain, "additionalProperties");
  return is_described || additional == nullptr || Check(value, *additional);
}

}  // namespace octet
