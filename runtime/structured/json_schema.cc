#include "runtime/structured/json_schema.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/io/strict_json.h"
#include "runtime/structured/decimal_range.h"
#include "runtime/structured/json_grammar.h"
#include "runtime/structured/regex.h"
#include "runtime/structured/schema_expansion.h"
#include "runtime/structured/string_formats.h"

namespace octet {
namespace {

using Node = Grammar::Node;

constexpr size_t kMostNameBytes = 1000;
constexpr size_t kMostSchemas = 10'000;

// Doubles tell all decimals of this many digits apart.
constexpr int kDoubleDigits = 15;
constexpr int kWholeDigits = 9;
constexpr int kFractionDigits = 6;

int32_t Count(const Schema& schema, const char* keyword, int32_t otherwise) {
  const Schema* count = FindKeyword(schema, keyword);
  return count == nullptr ? otherwise : count->get<int32_t>();
}

// Returns the tighter of an inclusive and an exclusive bound.
std::optional<DecimalBound> BoundOf(const Schema& schema, const char* inclusive,
                                    const char* exclusive, double direction) {
  const Schema* with = FindKeyword(schema, inclusive);
  const Schema* without = FindKeyword(schema, exclusive);
  if (with == nullptr && without == nullptr) return std::nullopt;
  const bool is_exclusive =
      with == nullptr ||
      (without != nullptr && direction * without->get<double>() >= direction * with->get<double>());
  return DecimalBound::Of((is_exclusive ? without : with)->get<double>(), is_exclusive);
}

int DigitsOf(const std::optional<DecimalBound>& bound) {
  return bound ? static_cast<int>(std::to_string(bound->magnitude.whole).size()) : 1;
}

class SchemaWriter {
 public:
  SchemaWriter(const Schema& root, const SchemaUse& use, Grammar& grammar)
      : use_(use), grammar_(grammar), json_(use.is_compact, grammar), expansion_(root) {}

  absl::StatusOr<Node> Write(const Schema& root) {
    const Node node = NodeOf(root);
    for (; !queue_.empty() && status_.ok(); queue_.pop_front()) {
      const auto& [rule, schema] = queue_.front();
      grammar_.Define(rule, Body(schema));
      if (nodes_.size() > kMostSchemas || grammar_.too_large()) {
        Fail(absl::InvalidArgumentError("is too large"));
      }
    }
    if (!status_.ok()) return status_;
    return node;
  }

 private:
  void Fail(const absl::Status& status) { status_.Update(status); }

  // Returns the rule of a schema, whose body follows later: schemas may contain themselves.
  Node NodeOf(const Schema& schema) {
    const auto [known, is_new] = nodes_.try_emplace(schema.dump(), Grammar::kNone);
    if (is_new) {
      known->second = grammar_.Declare();
      queue_.emplace_back(known->second, schema);
    }
    return known->second;
  }

  Node Body(const Schema& schema) {
    const absl::StatusOr<std::vector<Schema>> plain = expansion_.Expand(schema);
    if (!plain.ok()) {
      Fail(plain.status());
      return Grammar::kNone;
    }
    std::vector<Node> alternatives;
    for (const Schema& alternative : *plain) alternatives.push_back(Plain(alternative));
    return grammar_.Choice(alternatives);
  }

  Node Plain(const Schema& schema) {
    if (schema.contains("enum")) return Values(schema);
    const unsigned types = AnswerTypesOf(schema);
    if (schema.empty()) return json_.Value();
    std::vector<Node> alternatives;
    if ((types & kSchemaObject) != 0) alternatives.push_back(Object(schema));
    if ((types & kSchemaArray) != 0) alternatives.push_back(Array(schema));
    if ((types & kSchemaString) != 0) alternatives.push_back(String(schema));
    if ((types & kSchemaNumber) != 0) {
      alternatives.push_back(Number(schema, /*is_integer=*/false));
    } else if ((types & kSchemaInteger) != 0) {
      alternatives.push_back(Number(schema, /*is_integer=*/true));
    }
    if ((types & kSchemaBoolean) != 0) {
      alternatives.push_back(grammar_.Text("true"));
      alternatives.push_back(grammar_.Text("false"));
    }
    if ((types & kSchemaNull) != 0) alternatives.push_back(grammar_.Text("null"));
    return grammar_.Choice(alternatives);
  }

  Node Values(const Schema& schema) {
    for (auto member = schema.begin(); member != schema.end(); ++member) {
      if (member.key() == "enum" || member.key() == "type") continue;
      Fail(UnsupportedKeyword(member.key(), " beside \"enum\" or \"const\""));
    }
    const unsigned types = TypesOf(schema);
    std::vector<Node> alternatives;
    for (const Schema& value : schema["enum"]) {
      if ((TypeOfValue(value) & types) == 0) continue;
      alternatives.push_back(grammar_.Text(value.dump()));
    }
    return grammar_.Choice(alternatives);
  }

  Node String(const Schema& schema) {
    const Schema* pattern = FindKeyword(schema, "pattern");
    const Schema* format = FindKeyword(schema, "format");
    const int32_t least = Count(schema, "minLength", 0);
    const int32_t most = Count(schema, "maxLength", Grammar::kNoLimit);
    if (pattern == nullptr && format == nullptr) {
      if (most != Grammar::kNoLimit && least > most) return Grammar::kNone;
      return json_.String(least, most);
    }
    const char* keyword = pattern != nullptr ? "pattern" : "format";
    for (const char* other : {"format", "minLength", "maxLength"}) {
      if (other == std::string_view(keyword) || !schema.contains(other)) continue;
      Fail(UnsupportedKeyword(other, absl::StrCat(" beside \"", keyword, "\"")));
    }
    const auto& text = (pattern != nullptr ? *pattern : *format).get_ref<const std::string&>();
    const std::string regex = pattern != nullptr ? text : RegexOfFormat(text);
    if (regex.empty() && format != nullptr) {
      Fail(InvalidKeyword("format", absl::StrCat("has ", octet::Quoted(Shortened(text)),
                                                 ", which is not supported")));
    }
    return Matching(regex, pattern != nullptr, keyword);
  }

  Node Matching(const std::string& regex, bool is_search, const char* keyword) {
    const RegexUse use = {.write = [this](const CodePoints& set) { return json_.Character(set); },
                          .is_search = is_search};
    const absl::StatusOr<Node> node = AddRegex(regex, use, grammar_);
    if (node.ok()) return json_.Quoted(*node);
    Fail(InvalidKeyword(keyword, std::string(node.status().message())));
    return Grammar::kNone;
  }

  Node Number(const Schema& schema, bool is_integer) {
    DecimalRange range = {.least = BoundOf(schema, "minimum", "exclusiveMinimum", 1),
                          .most = BoundOf(schema, "maximum", "exclusiveMaximum", -1)};
    if (!range.least && !range.most) return is_integer ? json_.Integer() : json_.Number();
    if (!is_integer) {
      const int whole = std::max({kWholeDigits, DigitsOf(range.least), DigitsOf(range.most)});
      range.whole_digits = std::min(whole, kDoubleDigits);
      range.fraction_digits = std::min(kFractionDigits, kDoubleDigits - range.whole_digits);
    }
    return AddDecimalRange(range, grammar_);
  }

  Node Object(const Schema& schema) {
    static const Schema kNoMembers = Schema::object();
    const Schema* properties = FindKeyword(schema, "properties");
    if (properties == nullptr) properties = &kNoMembers;
    const Schema* additional = FindKeyword(schema, "additionalProperties");
    std::vector<JsonGrammar::Member> members;
    for (auto member = properties->begin(); member != properties->end(); ++member) {
      members.push_back({.name = member.key(), .value = NodeOf(*member)});
    }
    if (const Schema* required = FindKeyword(schema, "required")) {
      const Schema other = additional == nullptr ? Schema(true) : *additional;
      AddRequired(*required, other, members);
    }
    const bool is_open = members.empty() && use_.has_additional_properties;
    const bool is_closed = additional == nullptr ? !is_open : *additional == false;
    CheckSizes(schema, members, is_closed);
    if (is_closed) return json_.ObjectOf(members, Grammar::kNone);
    return json_.ObjectOf(members, NodeOf(additional == nullptr ? Schema(true) : *additional));
  }

  void AddRequired(const Schema& required, const Schema& other,
                   std::vector<JsonGrammar::Member>& members) {
    for (const Schema& name : required) {
      const auto& text = name.get_ref<const std::string&>();
      const auto member =
          std::find_if(members.begin(), members.end(),
                       [&](const JsonGrammar::Member& m) { return m.name == text; });
      if (member != members.end()) {
        member->is_required = true;
      } else {
        members.push_back({.name = text, .value = NodeOf(other), .is_required = true});
      }
    }
  }

  void CheckSizes(const Schema& schema, const std::vector<JsonGrammar::Member>& members,
                  bool is_closed) {
    const auto num_members = static_cast<int32_t>(members.size());
    const auto num_required = static_cast<int32_t>(std::count_if(
        members.begin(), members.end(), [](const auto& member) { return member.is_required; }));
    if (Count(schema, "minProperties", 0) > num_required) Fail(UnsupportedKeyword("minProperties"));
    const int32_t most = Count(schema, "maxProperties", Grammar::kNoLimit);
    if (most != Grammar::kNoLimit && (!is_closed || most < num_members)) {
      Fail(UnsupportedKeyword("maxProperties"));
    }
    for (const JsonGrammar::Member& member : members) {
      if (member.name.size() <= kMostNameBytes) continue;
      Fail(InvalidKeyword("properties",
                          absl::StrCat("has a name of more than ", kMostNameBytes, " bytes")));
    }
  }

  Node Array(const Schema& schema) {
    const Schema* first = FindKeyword(schema, "prefixItems");
    const Schema* others = FindKeyword(schema, "items");
    const int32_t least = Count(schema, "minItems", 0);
    int32_t most = Count(schema, "maxItems", Grammar::kNoLimit);
    std::vector<Node> elements;
    if (first != nullptr) {
      for (const Schema& element : *first) elements.push_back(NodeOf(element));
      const auto described = std::max(static_cast<int32_t>(elements.size()), least);
      if (others == nullptr && (most == Grammar::kNoLimit || most > described)) most = described;
    }
    const Schema* unique = FindKeyword(schema, "uniqueItems");
    if (unique != nullptr && *unique == true && (most == Grammar::kNoLimit || most > 1)) {
      Fail(UnsupportedKeyword("uniqueItems"));
    }
    if (most != Grammar::kNoLimit && least > most) return Grammar::kNone;
    const Node other = NodeOf(others == nullptr ? Schema(true) : *others);
    return json_.ArrayOf(elements, other, least, most);
  }

  const SchemaUse& use_;
  Grammar& grammar_;
  JsonGrammar json_;
  SchemaExpansion expansion_;
  absl::flat_hash_map<std::string, Node> nodes_;  // by the schema's text
  std::deque<std::pair<Node, Schema>> queue_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Grammar::Node> AddJsonSchema(const Schema& schema, const SchemaUse& use,
                                            Grammar& grammar) {
  return SchemaWriter(schema, use, grammar).Write(schema);
}

}  // namespace octet
