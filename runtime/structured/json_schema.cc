#include "runtime/structured/json_schema.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "runtime/structured/json_grammar.h"
#include "runtime/structured/schema_expansion.h"
#include "runtime/structured/schema_numbers.h"
#include "runtime/structured/schema_strings.h"
#include "runtime/structured/schema_values.h"

namespace octet {
namespace {

using Node = Grammar::Node;

constexpr size_t kMostNameBytes = 1000;
constexpr size_t kMostSchemas = 10'000;
constexpr const char* kWithoutValues = " of items that are not all in an \"enum\"";
constexpr size_t kMostNamePatterns = 4;
constexpr int32_t kMostProductStates = 30'000;

int32_t Count(const Schema& schema, const char* keyword, int32_t otherwise) {
  const Schema* count = FindKeyword(schema, keyword);
  return count == nullptr ? otherwise : count->get<int32_t>();
}

class SchemaWriter {
 public:
  SchemaWriter(const Schema& root, const SchemaUse& use, Grammar& grammar)
      : use_(use),
        grammar_(grammar),
        json_(use.is_compact, grammar),
        expansion_(root),
        values_(expansion_),
        strings_(num_states_left_, grammar) {}

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
    if ((types & kSchemaString) != 0) alternatives.push_back(Found(strings_.Strings(schema)));
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

  // Returns the values of "enum" that obey the other keywords.
  std::vector<Schema> ValuesOf(const Schema& schema) {
    absl::StatusOr<std::vector<Schema>> values = values_.ValidOf(schema);
    if (values.ok()) return *std::move(values);
    Fail(values.status());
    return {};
  }

  Node Values(const Schema& schema) {
    std::vector<Node> alternatives;
    for (const Schema& value : ValuesOf(schema))
      alternatives.push_back(grammar_.Text(value.dump()));
    return grammar_.Choice(alternatives);
  }

  // Returns the node, or none after a fault.
  Node Found(const absl::StatusOr<Node>& node) {
    if (node.ok()) return *node;
    Fail(node.status());
    return Grammar::kNone;
  }

  Node Number(const Schema& schema, bool is_integer) {
    return Found(AddSchemaNumbers(schema, is_integer, num_states_left_, json_));
  }

  Node Object(const Schema& schema) {
    const Schema* additional = FindKeyword(schema, "additionalProperties");
    const std::vector<JsonGrammar::Member> members = MembersOf(schema);
    std::vector<Node> others;
    bool is_open = members.empty() && use_.has_additional_properties;
    if (schema.contains("patternProperties")) {
      is_open = false;
      others = OthersOfPatterns(schema, members);
    }
    if (additional != nullptr) is_open = *additional != false;
    if (is_open && !schema.contains("patternProperties")) {
      const Node value = NodeOf(additional == nullptr ? Schema(true) : *additional);
      others.push_back(json_.MemberOf(json_.OtherNames(members), value));
    }
    const Node other = grammar_.Choice(others);
    const JsonGrammar::Sizes sizes = {.least = Count(schema, "minProperties", 0),
                                      .most = Count(schema, "maxProperties", Grammar::kNoLimit)};
    if (other != Grammar::kNone && sizes.least > std::ssize(members) + 1) {
      Fail(
          UnsupportedKeyword("minProperties", " above that of members in \"properties\" plus one"));
    }
    return json_.ObjectOf(members, other, sizes);
  }

  // Returns the members that "properties" and "required" name.
  std::vector<JsonGrammar::Member> MembersOf(const Schema& schema) {
    std::vector<JsonGrammar::Member> members;
    absl::flat_hash_map<std::string, size_t> places;
    const auto add = [&](const std::string& name) {
      const auto [place, is_new] = places.try_emplace(name, members.size());
      if (is_new) members.push_back({.name = name, .value = NodeOf(MemberSchema(name, schema))});
      if (name.size() > kMostNameBytes) {
        Fail(InvalidKeyword("properties",
                            absl::StrCat("has a name of more than ", kMostNameBytes, " bytes")));
      }
      return place->second;
    };
    if (const Schema* properties = FindKeyword(schema, "properties")) {
      for (auto member = properties->begin(); member != properties->end(); ++member) {
        add(member.key());
      }
    }
    if (const Schema* required = FindKeyword(schema, "required")) {
      for (const Schema& name : *required) members[add(name)].is_required = true;
    }
    return members;
  }

  // Returns what the member of that name must obey.
  Schema MemberSchema(const std::string& name, const Schema& schema) {
    Schema parts = Schema::array();
    const Schema* properties = FindKeyword(schema, "properties");
    if (properties != nullptr && properties->contains(name)) parts.push_back((*properties)[name]);
    if (const Schema* patterns = FindKeyword(schema, "patternProperties")) {
      for (auto pattern = patterns->begin(); pattern != patterns->end(); ++pattern) {
        const absl::StatusOr<bool> matches = values_.Matches(name, PatternOfNames(pattern.key()));
        if (!matches.ok()) Fail(matches.status());
        if (matches.ok() && *matches) parts.push_back(*pattern);
      }
    }
    if (!parts.empty()) return AllOf(std::move(parts));
    const Schema* additional = FindKeyword(schema, "additionalProperties");
    return additional == nullptr ? Schema(true) : *additional;
  }

  static Schema AllOf(Schema parts) {
    return parts.size() == 1 ? parts[0] : Schema{{"allOf", std::move(parts)}};
  }

  // Returns members with other names, for each set of the expressions that a name may match.
  std::vector<Node> OthersOfPatterns(const Schema& schema,
                                     const std::vector<JsonGrammar::Member>& members) {
    const Schema& patterns = schema["patternProperties"];
    if (patterns.size() > kMostNamePatterns) {
      Fail(InvalidKeyword("patternProperties",
                          absl::StrCat("has more than ", kMostNamePatterns, " expressions")));
      return {};
    }
    SchemaStrings::NameRule rule;
    for (const JsonGrammar::Member& member : members) rule.is_none_of.push_back(member.name);
    std::vector<Node> others;
    const Schema* additional = FindKeyword(schema, "additionalProperties");
    const bool is_open = additional != nullptr && *additional != false;
    for (unsigned set = is_open ? 0 : 1; set < 1U << patterns.size(); ++set) {
      rule.matches.clear();
      rule.matches_not.clear();
      Schema parts = Schema::array();
      size_t place = 0;
      for (auto pattern = patterns.begin(); pattern != patterns.end(); ++pattern, ++place) {
        const bool is_in_set = (set >> place & 1) != 0;
        (is_in_set ? rule.matches : rule.matches_not).push_back(pattern.key());
        if (is_in_set) parts.push_back(*pattern);
      }
      const Node value = NodeOf(set == 0 ? *additional : AllOf(std::move(parts)));
      others.push_back(json_.MemberOf(Found(strings_.Names(rule)), value));
    }
    return others;
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
    if (most != Grammar::kNoLimit && least > most) return Grammar::kNone;
    const Schema* unique = FindKeyword(schema, "uniqueItems");
    if (unique != nullptr && *unique == true && (most == Grammar::kNoLimit || most > 1)) {
      return UniqueItems(schema, {.least = least, .most = most});
    }
    const Node other = NodeOf(others == nullptr ? Schema(true) : *others);
    return json_.ArrayOf(elements, other, least, most);
  }

  // Writes some of the values of a list, in its order.
  Node UniqueItems(const Schema& schema, JsonGrammar::Sizes sizes) {
    const Schema* items = FindKeyword(schema, "items");
    if (items == nullptr || schema.contains("prefixItems")) {
      Fail(UnsupportedKeyword("uniqueItems", kWithoutValues));
      return Grammar::kNone;
    }
    const absl::StatusOr<std::vector<Schema>> alternatives = expansion_.Expand(*items);
    if (!alternatives.ok()) return Found(alternatives.status());
    Schema values = Schema::array();
    for (const Schema& alternative : *alternatives) {
      if (!alternative.contains("enum")) {
        Fail(UnsupportedKeyword("uniqueItems", kWithoutValues));
        return Grammar::kNone;
      }
      for (const Schema& value : ValuesOf(alternative)) {
        if (!ListHasValue(values, value)) values.push_back(value);
      }
    }
    std::vector<Node> nodes;
    for (const Schema& value : values) nodes.push_back(grammar_.Text(value.dump()));
    return json_.ArrayOfSome(nodes, sizes);
  }

  const SchemaUse& use_;
  int32_t num_states_left_ = kMostProductStates;
  Grammar& grammar_;
  JsonGrammar json_;
  SchemaExpansion expansion_;
  SchemaValues values_;
  SchemaStrings strings_;
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
