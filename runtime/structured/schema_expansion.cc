#include "runtime/structured/schema_expansion.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/structured/schema_combination.h"
#include "runtime/structured/schema_merge.h"
#include "runtime/structured/schema_negation.h"

namespace octet {
namespace {

constexpr int kMostExpansionDepth = 64;
constexpr size_t kMostAlternatives = 500;
constexpr size_t kMostExpanded = 100'000;
constexpr size_t kMostMerged = 300'000;
constexpr size_t kMostCompared = 10'000'000;

// Returns the text with its %XX replaced, as in a URI's fragment.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    const std::string digits(text.substr(std::min(i + 1, text.size()), 2));
    if (text[i] == '%' && digits.size() == 2 && absl::SimpleHexAtoi(digits, &value)) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// The members of a schema and of the lists and objects in them.
size_t CountParts(const Schema& schema) {
  size_t count = schema.size();
  for (const Schema& part : schema) count += part.size();
  return count;
}

// Returns whether references inside start from the schema itself, and not from the document. A
// fragment alone is a name.
bool IsOwnResource(const Schema& schema, const Schema& root) {
  const Schema* id = FindKeyword(schema, "$id");
  if (id == nullptr || !id->is_string() || id->get_ref<const std::string&>().starts_with("#")) {
    return false;
  }
  const Schema* of_root = root.is_object() ? FindKeyword(root, "$id") : nullptr;
  return of_root == nullptr || *of_root != *id;
}

const Schema* FindProperty(const Schema& schema, const std::string& name) {
  const Schema* properties = FindKeyword(schema, "properties");
  return properties == nullptr ? nullptr : FindKeyword(*properties, name);
}

}  // namespace

absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::Expand(const Schema& schema,
                                                                      int depth) const {
  if (schema == true) return Alternatives{Schema::object()};
  if (schema == false) return Alternatives{};
  if (!schema.is_object()) return absl::InvalidArgumentError("is no object, and so no schema");
  if (depth == kMostExpansionDepth) {
    return absl::InvalidArgumentError("has a $ref that leads to itself, or too deep");
  }
  if (++num_expanded_ > kMostExpanded) {
    return absl::InvalidArgumentError("is too large, with what its keywords repeat");
  }
  if (IsOwnResource(schema, root_) && schema.dump().find("\"$ref\"") != std::string::npos) {
    return UnsupportedKeyword("$id", " of a part with \"$ref\"");
  }
  absl::StatusOr<Schema> normalized = NormalizeKeywords(schema);
  if (!normalized.ok()) return normalized.status();
  Schema own = *std::move(normalized);
  absl::Status status = CheckNegated(own);
  if (!status.ok()) return status;
  const Schema unevaluated = TakeUnevaluated(own);
  const size_t num_conditions = num_conditions_;
  if (own.contains("if")) ++num_conditions_;  // also where it has no "then" and no "else"
  const std::vector<std::pair<std::string, Schema>> combined = TakeCombined(own);
  Alternatives alternatives = {std::move(own)};
  for (const auto& [keyword, value] : combined) {
    const absl::StatusOr<Alternatives> of_keyword = ExpandCombined(keyword, value, depth + 1);
    if (!of_keyword.ok()) return of_keyword.status();
    absl::StatusOr<Alternatives> merged = MergeEach(alternatives, *of_keyword);
    if (!merged.ok()) return merged.status();
    alternatives = *std::move(merged);
  }
  if (!unevaluated.empty() && num_conditions_ > num_conditions) {
    return UnsupportedKeyword(unevaluated.begin().key(), " beside \"not\" or \"if\"");
  }
  // Two alternatives together may be about members of which each alone is not.
  if (!unevaluated.empty() && alternatives.size() > 1) ++num_narrowed_;
  UseUnevaluated(unevaluated, alternatives);
  return alternatives;
}

// Returns the schemas that hold where one of `a` and one of `b` hold.
absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::MergeEach(
    const Alternatives& a, const Alternatives& b) const {
  if (a.size() * b.size() > kMostAlternatives) {
    return absl::InvalidArgumentError(
        absl::StrCat("has a schema with more than ", kMostAlternatives, " alternatives"));
  }
  Alternatives merged;
  for (const Schema& first : a) {
    for (const Schema& second : b) {
      absl::StatusOr<Schema> both = MergeSchemas(first, second);
      if (!both.ok()) return both.status();
      num_merged_ += CountParts(*both);
      if (num_merged_ > kMostMerged) {
        return absl::InvalidArgumentError("is too large, with what its keywords repeat");
      }
      if (TypesOf(*both) != 0) merged.push_back(*std::move(both));
    }
  }
  return merged;
}

// Checks that Expand gives all values that the schema allows, where it stands in a "not".
absl::Status SchemaExpansion::CheckNegated(const Schema& own) const {
  if (negation_depth_ == 0) return absl::OkStatus();
  for (const char* keyword : {"oneOf", "not", "if", "unevaluatedProperties", "unevaluatedItems"}) {
    if (own.contains(keyword)) {
      return UnsupportedKeyword(keyword, " inside \"not\" or \"if\"");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::ExpandNegated(const Schema& schema,
                                                                             int depth) const {
  ++negation_depth_;
  absl::StatusOr<Alternatives> expanded = Expand(schema, depth);
  --negation_depth_;
  return expanded;
}

absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::Negate(
    const Alternatives& alternatives, const std::string& keyword) const {
  ++num_conditions_;
  Alternatives all = {Schema::object()};
  for (const Schema& alternative : alternatives) {
    const absl::StatusOr<Alternatives> negated = NegateSchema(alternative, keyword);
    if (!negated.ok()) return negated.status();
    absl::StatusOr<Alternatives> merged = MergeEach(all, *negated);
    if (!merged.ok()) return merged.status();
    all = *std::move(merged);
  }
  return all;
}

// Returns what holds with the "then", and what does not hold with the "else".
absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::ExpandIf(const Schema& condition,
                                                                        int depth) const {
  const absl::StatusOr<Alternatives> holds = ExpandNegated(condition["if"], depth);
  if (!holds.ok()) return holds.status();
  const absl::StatusOr<Alternatives> fails = Negate(*holds, "if");
  if (!fails.ok()) return fails.status();
  Alternatives all;
  for (const auto& [keyword, alternatives] : {std::pair("then", &*holds), {"else", &*fails}}) {
    const absl::StatusOr<Alternatives> branch =
        Expand(condition.contains(keyword) ? condition[keyword] : Schema(true), depth);
    if (!branch.ok()) return branch.status();
    const absl::StatusOr<Alternatives> merged = MergeEach(*alternatives, *branch);
    if (!merged.ok()) return merged.status();
    all.insert(all.end(), merged->begin(), merged->end());
  }
  return all;
}

absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::ExpandCombined(
    const std::string& keyword, const Schema& value, int depth) const {
  if (keyword == "if") return ExpandIf(value, depth);
  if (keyword == "not") {
    const absl::StatusOr<Alternatives> expanded = ExpandNegated(value, depth);
    return expanded.ok() ? Negate(*expanded, keyword) : expanded;
  }
  if (keyword != "$ref") return ExpandList(keyword, value, depth);
  const auto& reference = value.get_ref<const std::string&>();
  const Schema* target = Resolve(reference);
  if (target != nullptr) return Expand(*target, depth);
  return InvalidKeyword("$ref", absl::StrCat("leads to ", Quoted(Shortened(reference)),
                                             ", which this schema does not have"));
}

absl::StatusOr<SchemaExpansion::Alternatives> SchemaExpansion::ExpandList(
    const std::string& keyword, const Schema& list, int depth) const {
  const size_t num_narrowed = num_narrowed_;
  std::vector<Alternatives> choices;
  Alternatives all = {Schema::object()};
  size_t size = 0;
  for (const Schema& schema : list) {
    absl::StatusOr<Alternatives> expanded = Expand(schema, depth);
    if (!expanded.ok()) return expanded.status();
    if (keyword == "allOf") {
      expanded = MergeEach(all, *expanded);
      if (!expanded.ok()) return expanded.status();
      all = *std::move(expanded);
      continue;
    }
    size += expanded->size();
    if (size > kMostAlternatives) {
      return InvalidKeyword(keyword,
                            absl::StrCat("has more than ", kMostAlternatives, " alternatives"));
    }
    choices.push_back(*std::move(expanded));
  }
  if (keyword == "allOf") return all;
  if (keyword == "oneOf") {
    if (choices.size() > 1 && num_narrowed_ > num_narrowed) {
      return UnsupportedKeyword(keyword, " with schemas that may hold at once");
    }
    const absl::Status status = CheckDisjoint(choices, depth, /*of_answers=*/true);
    if (!status.ok()) return status;
    for (Alternatives& choice : choices) NameAnswerTypes(choice);
  }
  all.clear();
  for (const Alternatives& choice : choices) all.insert(all.end(), choice.begin(), choice.end());
  return all;
}

// Gives schemas that name no types those of their answers: what they are merged with later may name
// others, of which nobody knows whether two of the schemas allow them.
void SchemaExpansion::NameAnswerTypes(Alternatives& schemas) const {
  for (Schema& schema : schemas) {
    const unsigned types = AnswerTypesOf(schema);
    if (schema.contains("type") || types == kSchemaAnyType) continue;
    if (!schema.contains("enum")) ++num_narrowed_;
    schema["type"] = NamesOfTypes(types);
  }
}

absl::Status SchemaExpansion::CheckDisjoint(const std::vector<Alternatives>& choices, int depth,
                                            bool of_answers) const {
  for (size_t i = 0; i < choices.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      for (const Schema& a : choices[i]) {
        for (const Schema& b : choices[j]) {
          if (AreDisjoint(a, b, depth + 1, of_answers)) continue;
          return UnsupportedKeyword("oneOf", " with schemas that may hold at once");
        }
      }
    }
  }
  return absl::OkStatus();
}

// Returns whether it is certain that no value is valid by both, or no value that answers give for
// one of them.
bool SchemaExpansion::AreDisjoint(const Schema& a, const Schema& b, int depth,
                                  bool of_answers) const {
  const unsigned common = of_answers
                              ? (AnswerTypesOf(a) & TypesOf(b)) | (TypesOf(a) & AnswerTypesOf(b))
                              : TypesOf(a) & TypesOf(b);
  if (common == 0) return true;
  const Schema* values = FindKeyword(a, "enum");
  if (values != nullptr) return AreListsDisjoint(*values, b);
  values = FindKeyword(b, "enum");
  if (values != nullptr) return AreListsDisjoint(*values, a);
  if (common != kSchemaObject || depth >= kMostExpansionDepth) return false;
  return HasTellingMember(a, b, depth) || HasTellingMember(b, a, depth);
}

// Returns whether it is certain that no value of the list is valid by the other schema's list or
// types.
bool SchemaExpansion::AreListsDisjoint(const Schema& list, const Schema& other) const {
  const Schema* others = FindKeyword(other, "enum");
  num_compared_ += list.size() * (others == nullptr ? 1 : others->size());
  if (num_compared_ > kMostCompared) return false;
  return std::none_of(list.begin(), list.end(), [&](const Schema& value) {
    if ((TypeOfValue(value) & TypesOf(other)) == 0) return false;
    return others == nullptr || ListHasValue(*others, value);
  });
}

// Returns whether `a` requires a member that `b` forbids, or whose values differ.
bool SchemaExpansion::HasTellingMember(const Schema& a, const Schema& b, int depth) const {
  const Schema* required = FindKeyword(a, "required");
  if (required == nullptr) return false;
  return std::any_of(required->begin(), required->end(), [&](const Schema& name) {
    const Schema* in_a = FindProperty(a, name.get_ref<const std::string&>());
    const Schema* in_b = FindProperty(b, name.get_ref<const std::string&>());
    if (in_b == nullptr && b.contains("patternProperties")) return false;
    if (in_b == nullptr) in_b = FindKeyword(b, "additionalProperties");
    if (in_b != nullptr && *in_b == false) return true;
    if (in_a == nullptr || in_b == nullptr) return false;
    const size_t num_narrowed = num_narrowed_;
    const absl::StatusOr<Alternatives> of_a = Expand(*in_a, depth + 1);
    const absl::StatusOr<Alternatives> of_b = Expand(*in_b, depth + 1);
    if (!of_a.ok() || !of_b.ok() || num_narrowed_ > num_narrowed) return false;
    return CheckDisjoint({*of_a, *of_b}, depth + 1, /*of_answers=*/false).ok();
  });
}

// Returns what a "#" or "#/..." stands for; null if there is no such place.
const Schema* SchemaExpansion::Resolve(const std::string& reference) const {
  if (!reference.starts_with("#")) return nullptr;
  const Schema* place = &root_;
  if (reference == "#") return place;
  if (!reference.starts_with("#/")) return nullptr;
  const std::string path = PercentDecoded(std::string_view(reference).substr(2));
  const std::vector<std::string> names = absl::StrSplit(path, '/');
  for (const std::string& escaped : names) {
    if (place->is_object() && place != &root_ && IsOwnResource(*place, root_)) return nullptr;
    const std::string name = absl::StrReplaceAll(escaped, {{"~1", "/"}, {"~0", "~"}});
    size_t index = 0;
    if (place->is_object() && place->contains(name)) {
      place = &*place->find(name);
    } else if (place->is_array() && absl::SimpleAtoi(name, &index) && index < place->size()) {
      place = &(*place)[index];
    } else {
      return nullptr;
    }
  }
  return place->is_object() || place->is_boolean() ? place : nullptr;
}

}  // namespace octet
