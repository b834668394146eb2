// Schemas in the forms that pydantic, zod and OpenAI's strict mode give them.

#include <gtest/gtest.h>

#include "runtime/io/strict_json.h"
#include "tests/support/grammar_texts.h"
#include "tests/support/schema_validator.h"

namespace octet {
namespace {

constexpr const char* kSchemasOfModels[] = {
    // Optional, Union, Literal, bounds, tuples, sets
    R"({"title": "Report", "type": "object", "required": ["name", "size", "level", "place", "tags"],
        "properties": {
          "name": {"title": "Name", "type": "string", "minLength": 1, "maxLength": 9,
                   "pattern": "^\\w+$"},
          "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null},
          "size": {"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]},
          "level": {"enum": ["low", "high", 3, null]},
          "share": {"exclusiveMinimum": 0, "maximum": 1, "type": "number"},
          "count": {"minimum": 1, "exclusiveMaximum": 100, "multipleOf": 3, "type": "integer"},
          "place": {"maxItems": 2, "minItems": 2, "type": "array",
                    "prefixItems": [{"type": "number"}, {"type": "number"}]},
          "tags": {"type": "array", "uniqueItems": true, "items": {"enum": ["a", "b"]}},
          "grid": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
          "day": {"format": "date", "type": "string"}}})",
    // dict[Enum, list[int]], dict[Literal, int], dict[str, Any], dict[date, int], dict[constr, int]
    R"({"type": "object", "required": ["by_color", "by_word", "any", "by_day", "by_name"],
        "$defs": {"Color": {"enum": ["red", "green"], "title": "Color", "type": "string"}},
        "properties": {
          "by_color": {"additionalProperties": {"items": {"type": "integer"}, "type": "array"},
                       "propertyNames": {"$ref": "#/$defs/Color"}, "type": "object"},
          "by_word": {"additionalProperties": {"type": "integer"}, "type": "object",
                      "propertyNames": {"enum": ["x", "y"]}},
          "any": {"additionalProperties": true, "type": "object"},
          "by_day": {"additionalProperties": {"type": "integer"}, "type": "object",
                     "propertyNames": {"format": "date"}},
          "by_name": {"patternProperties": {"^[a-z]+$": {"type": "integer"}}, "type": "object",
                      "propertyNames": {"maxLength": 5, "minLength": 2}}}})",
    // a discriminated union and a recursive model
    R"({"type": "object", "required": ["pet", "tree"], "additionalProperties": false,
        "properties": {"tree": {"$ref": "#/$defs/Tree"},
          "pet": {"oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
                  "discriminator": {"propertyName": "kind", "mapping": {
                    "cat": "#/$defs/Cat", "dog": "#/$defs/Dog"}}}},
        "$defs": {
          "Cat": {"type": "object", "required": ["kind"], "properties": {
            "kind": {"const": "cat", "type": "string"}, "lives": {"type": "integer"}}},
          "Dog": {"type": "object", "required": ["kind"], "properties": {
            "kind": {"const": "dog", "type": "string"}, "bark": {"type": "boolean"}}},
          "Tree": {"type": "object", "required": ["value"], "properties": {
            "value": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}}})",
    // Decimal
    R"x({"anyOf": [{"type": "number"},
        {"type": "string", "pattern": "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$"}]})x",
    // z.record, z.email
    R"x({"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {
        "type": "string",
        "pattern": "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"}})x",
    // recursion from the root, nullable values
    R"({"type": "object", "additionalProperties": false, "required": ["unit", "children"],
        "properties": {"unit": {"type": ["string", "null"], "enum": ["C", "F", null]},
                       "children": {"type": "array", "items": {"$ref": "#"}}}})",
};

TEST(SchemaSources, GiveValidTexts) {
  std::mt19937 random(1);
  for (const char* text : kSchemasOfModels) {
    const auto schema = nlohmann::ordered_json::parse(text);
    ConstraintAutomaton automaton(SchemaConstraint(text));
    for (int i = 0; i < 30; ++i) {
      const std::string answer = automaton.RandomText(random, 150);
      const auto value = nlohmann::ordered_json::parse(answer, nullptr, /*allow_exceptions=*/false);
      ASSERT_FALSE(value.is_discarded()) << text << "\n" << answer;
      ASSERT_TRUE(IsValidBySchema(value, schema, schema)) << text << "\n" << answer;
    }
  }
}

// What can't be followed is named.
TEST(SchemaSources, NameWhatIsNotFollowed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true})",  // set[str]
       "keyword \"uniqueItems\" of items that are not all in an \"enum\""},
      {R"({"type": "string", "format": "multi-host-uri"})", "keyword \"format\""},  // PostgresDsn
      {R"({"type": "string", "format": "regex"})", "keyword \"format\""},           // Pattern
      {R"({"type": "number", "multipleOf": 0.5})", "keyword \"multipleOf\""},
      {R"({"type": "string", "nullable": true})", "keyword \"nullable\" is not supported"},
  };
  for (const auto& [schema, message] : cases) {
    const absl::StatusOr<Grammar> grammar = MakeGrammar(SchemaConstraint(schema));
    ASSERT_FALSE(grammar.ok()) << schema;
    EXPECT_NE(std::string(grammar.status().message()).find(message), std::string::npos)
        << grammar.status();
  }
}

}  // namespace
}  // namespace octet
