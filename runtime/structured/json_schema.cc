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
#include "runtime/structured/schema_members.h"
#include "runtime/structured/schema_numbers.h"
#include "runtime/structured/schema_strings.h"
#include "runtime/structured/schema_values.h"

namespace octet {
namespace {

using Node = Grammar::Node;

constexpr size_t kMostSchemas = 10'000;
constexpr const char* kWithoutValues = " of items that are not all in an \"enum\"";
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
        strings_(num_states_left_, grammar),
        values_(expansion_, strings_) {}

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
    for (const Schema& alternative : *plain) {
      if (grammar_.too_large()) break;
      alternatives.push_back(Plain(alternative));
    }
    return grammar_.Choice(alternatives);
  }

  Node Plain(const Schema& schema) {
    if (schema.contains("enum")) return Values(schema);
    const unsigned types = AnswerTypesOf(schema);
    if (schema.empty()) return json_.Value();
    CheckNotEnum(schema, types);
    std::vector<Node> alternatives;
    if ((types & kSchemaObject) != 0) alternatives.push_back(Object(schema));
    if ((types & kSchemaArray) != 0) alternatives.push_back(Array(schema));
    if ((types & kSchemaString) != 0) alternatives.push_back(String(schema));
    if ((types & (kSchemaNumber | kSchemaInteger)) != 0) {
      alternatives.push_back(Found(AddSchemaNumbers(schema, types, num_states_left_, json_)));
    }
    for (const Schema& value : {Schema(true), Schema(false), Schema()}) {
      const bool is_allowed = (types & TypeOfValue(value)) != 0 && !MustNotBe(schema, value);
      if (is_allowed) alternatives.push_back(grammar_.Text(value.dump()));
    }
    return grammar_.Choice(alternatives);
  }

  static bool MustNotBe(const Schema& schema, const Schema& value) {
    const Schema* values = FindKeyword(schema, kNotEnum);
    return values != nullptr && ListHasValue(*values, value);
  }

  // Lists and objects that must not be are not followed.
  void CheckNotEnum(const Schema& schema, unsigned types) {
    const Schema* values = FindKeyword(schema, kNotEnum);
    if (values == nullptr) return;
    for (const Schema& value : *values) {
      if (value.is_structured() && (types & TypeOfValue(value)) != 0) {
        return Fail(UnsupportedKeyword("not", " of a list or an object"));
      }
    }
  }

  Node String(const Schema& schema) {
    const absl::StatusOr<TextRule> rule = TextRuleOf(schema);
    return rule.ok() ? Found(strings_.Texts(*rule)) : Found(rule.status());
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

  Node Object(const Schema& schema) {
    const absl::StatusOr<ObjectMembers> found =
        FindMembers(schema, use_.has_additional_properties, expansion_, values_, strings_);
    if (!found.ok()) return Found(found.status());
    std::vector<JsonGrammar::Member> members;
    for (const auto& [name, value, is_required] : found->named) {
      members.push_back({.name = name, .value = NodeOf(value), .is_required = is_required});
    }
    std::vector<Node> others;
    for (const auto& [names, value] : found->others) {
      others.push_back(json_.MemberOf(Found(strings_.Texts(names)), NodeOf(value)));
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
  SchemaStrings strings_;
  SchemaValues values_;
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
