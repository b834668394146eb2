#include "runtime/structured/schema_members.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

namespace octet {
namespace {

constexpr size_t kMostNameBytes = 1000;
constexpr size_t kMostNamePatterns = 4;
constexpr size_t kMostNameRules = 4;

Schema AllOf(Schema parts) {
  if (parts.size() == 1) return parts[0];
  Schema all = Schema::object();
  all["allOf"] = std::move(parts);
  return all;
}

class MemberFinder {
 public:
  MemberFinder(const Schema& plain, bool is_open, const SchemaExpansion& expansion,
               SchemaValues& values, SchemaStrings& strings)
      : plain_(plain),
        is_open_(is_open),
        expansion_(expansion),
        values_(values),
        strings_(strings) {}

  absl::StatusOr<ObjectMembers> Find();

 private:
  void FindNames();
  void AddNamed();
  void AddListed();
  void AddOthers();
  void AddOther(const std::vector<TextPattern>& patterns, const Schema& value);
  size_t Add(const std::string& name);
  Schema PartsOf(const std::string& name);
  Schema Additional() const;
  bool IsAllowed(const std::string& name);
  bool Found(const absl::StatusOr<bool>& found);

  const Schema& plain_;
  bool is_open_;
  const SchemaExpansion& expansion_;
  SchemaValues& values_;
  SchemaStrings& strings_;
  // What "propertyNames" allows: a list, and what obeys one of the rules.
  std::vector<std::string> listed_names_;
  absl::flat_hash_set<std::string> is_listed_;
  std::vector<TextRule> name_rules_;
  absl::flat_hash_map<std::string, const Schema*> properties_;
  ObjectMembers members_;
  absl::flat_hash_map<std::string, size_t> places_;  // of members_.named
  absl::Status status_;
};

absl::StatusOr<ObjectMembers> MemberFinder::Find() {
  FindNames();
  AddNamed();
  AddListed();
  AddOthers();
  if (!status_.ok()) return status_;
  return std::move(members_);
}

bool MemberFinder::Found(const absl::StatusOr<bool>& found) {
  status_.Update(found.status());
  return found.ok() && *found;
}

void MemberFinder::FindNames() {
  const Schema* names = FindKeyword(plain_, "propertyNames");
  const absl::StatusOr<std::vector<Schema>> alternatives =
      expansion_.Expand(names == nullptr ? Schema(true) : *names);
  status_.Update(alternatives.status());
  if (!status_.ok()) return;
  for (const Schema& alternative : *alternatives) {
    if ((TypesOf(alternative) & kSchemaString) == 0) continue;
    if (alternative.contains("enum")) {
      const absl::StatusOr<std::vector<Schema>> values = values_.ValidOf(alternative);
      status_.Update(values.status());
      if (!status_.ok()) return;
      for (const Schema& value : *values) {
        if (!value.is_string()) continue;
        const bool is_new = is_listed_.insert(value.get<std::string>()).second;
        if (is_new) listed_names_.push_back(value.get<std::string>());
      }
      continue;
    }
    absl::StatusOr<TextRule> rule = TextRuleOf(alternative);
    status_.Update(rule.status());
    if (!status_.ok()) return;
    name_rules_.push_back(*std::move(rule));
  }
  if (std::any_of(name_rules_.begin(), name_rules_.end(),
                  [](const TextRule& rule) { return rule.allows_all(); })) {
    name_rules_ = {{}};
  }
  if (name_rules_.size() > kMostNameRules) {
    status_.Update(InvalidKeyword("propertyNames",
                                  absl::StrCat("has more than ", kMostNameRules, " alternatives")));
  }
}

bool MemberFinder::IsAllowed(const std::string& name) {
  return is_listed_.contains(name) ||
         std::any_of(name_rules_.begin(), name_rules_.end(),
                     [&](const TextRule& rule) { return Found(strings_.Obeys(name, rule)); });
}

Schema MemberFinder::Additional() const {
  const Schema* additional = FindKeyword(plain_, "additionalProperties");
  return additional == nullptr ? Schema(true) : *additional;
}

// Returns the schemas of "properties" and "patternProperties" that the member must obey.
Schema MemberFinder::PartsOf(const std::string& name) {
  Schema parts = Schema::array();
  const auto property = properties_.find(name);
  if (property != properties_.end()) parts.push_back(*property->second);
  if (const Schema* patterns = FindKeyword(plain_, "patternProperties")) {
    for (auto pattern = patterns->begin(); pattern != patterns->end(); ++pattern) {
      if (Found(strings_.Matches(name, PatternOfNames(pattern.key())))) parts.push_back(*pattern);
    }
  }
  return parts;
}

// Returns the place of the member, which may be new.
size_t MemberFinder::Add(const std::string& name) {
  std::vector<NamedMember>& named = members_.named;
  const auto [place, is_new] = places_.try_emplace(name, named.size());
  if (!is_new) return place->second;
  if (name.size() > kMostNameBytes) {
    status_.Update(InvalidKeyword(
        "properties", absl::StrCat("has a name of more than ", kMostNameBytes, " bytes")));
  }
  Schema parts = PartsOf(name);
  Schema value = false;
  if (IsAllowed(name)) value = parts.empty() ? Additional() : AllOf(std::move(parts));
  named.push_back({.name = name, .value = std::move(value)});
  return place->second;
}

void MemberFinder::AddNamed() {
  if (const Schema* properties = FindKeyword(plain_, "properties")) {
    for (auto member = properties->begin(); member != properties->end(); ++member) {
      properties_.emplace(member.key(), &*member);
      Add(member.key());
    }
  }
  if (const Schema* required = FindKeyword(plain_, "required")) {
    for (const Schema& name : *required) {
      members_.named[Add(name.get<std::string>())].is_required = true;
    }
  }
  const std::vector<NamedMember>& named = members_.named;
  const bool has_named = std::any_of(
      named.begin(), named.end(), [](const NamedMember& member) { return member.value != false; });
  if (has_named || plain_.contains("patternProperties")) is_open_ = false;
  if (plain_.contains("additionalProperties")) is_open_ = Additional() != false;
}

void MemberFinder::AddListed() {
  for (const std::string& name : listed_names_) {
    if (is_open_ || !PartsOf(name).empty()) Add(name);
  }
}

void MemberFinder::AddOther(const std::vector<TextPattern>& patterns, const Schema& value) {
  for (TextRule rule : name_rules_) {
    rule.keyword = patterns.empty() ? "propertyNames" : "patternProperties";
    rule.patterns.insert(rule.patterns.end(), patterns.begin(), patterns.end());
    for (const NamedMember& member : members_.named) rule.is_none_of.push_back(member.name);
    members_.others.push_back({.names = std::move(rule), .value = value});
  }
}

// Adds members with other names, for each set of the expressions that a name may match.
void MemberFinder::AddOthers() {
  const Schema* patterns = FindKeyword(plain_, "patternProperties");
  if (patterns == nullptr) {
    if (is_open_) AddOther({}, Additional());
    return;
  }
  if (patterns->size() > kMostNamePatterns) {
    status_.Update(InvalidKeyword(
        "patternProperties", absl::StrCat("has more than ", kMostNamePatterns, " expressions")));
    return;
  }
  for (unsigned set = is_open_ ? 0 : 1; set < 1U << patterns->size(); ++set) {
    std::vector<TextPattern> of_set;
    Schema parts = Schema::array();
    size_t place = 0;
    for (auto pattern = patterns->begin(); pattern != patterns->end(); ++pattern, ++place) {
      of_set.push_back(PatternOfNames(pattern.key()));
      of_set.back().is_excluded = (set >> place & 1) == 0;
      if (!of_set.back().is_excluded) parts.push_back(*pattern);
    }
    AddOther(of_set, parts.empty() ? Additional() : AllOf(std::move(parts)));
  }
}

}  // namespace

absl::StatusOr<ObjectMembers> FindMembers(const Schema& plain, bool is_open,
                                          const SchemaExpansion& expansion, SchemaValues& values,
                                          SchemaStrings& strings) {
  return MemberFinder(plain, is_open, expansion, values, strings).Find();
}

}  // namespace octet
