// Keywords of JSON Schema that stand beside others.

#include <absl/strings/str_cat.h>

#include "tests/support/schema_cases.h"

namespace octet {
namespace {

TEST(SchemaKeywords, FilterTheValuesOfEnum) {
  const SchemaCase cases[] = {
      {R"({"enum": [1, 5, "a", null], "minimum": 2})", {"5", "\"a\"", "null"}, {"1"}},
      {R"({"enum": ["a", "ab", "b2"], "pattern": "^a", "minLength": 2})",
       {"\"ab\""},
       {"\"a\"", "\"b2\""}},
      {R"({"enum": [3, 4, 6.0, 6.5], "multipleOf": 3})", {"3", "6.0"}, {"4", "6.5"}},
      {R"({"enum": ["2024-02-30", "2024-02-29"], "format": "date"})",
       {"\"2024-02-29\""},
       {"\"2024-02-30\""}},
      {R"({"enum": [[1, 1], [1, 2], [3]], "uniqueItems": true, "minItems": 2})",
       {"[1,2]"},
       {"[1,1]", "[3]"}},
      {R"({"enum": [{"a": 1}, {"b": 1}, {"a": "x"}, {"a": 1, "b": 2}], "required": ["a"],
           "properties": {"a": {"type": "integer"}}, "maxProperties": 1})",
       {R"({"a":1})"},
       {R"({"b":1})", R"({"a":"x"})", R"({"a":1,"b":2})"}},
      {R"({"enum": [{"x1": 1}, {"x1": "a"}, {"y": 1}], "patternProperties": {"^x": {"type":
           "integer"}}, "additionalProperties": false})",
       {R"({"x1":1})"},
       {R"({"x1":"a"})", R"({"y":1})"}},
      {R"({"const": [1, {"k": "a"}], "items": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/o"}]},
           "$defs": {"o": {"properties": {"k": {"type": "string"}}, "required": ["k"]}}})",
       {R"([1,{"k":"a"}])"},
       {}},
      {R"({"allOf": [{"enum": [{"a": 1, "b": 2}, 7]}, {"enum": [{"b": 2, "a": 1.0}]}]})",
       {R"({"a":1,"b":2})"},
       {"7"}},
      {R"({"const": 1.0, "enum": [1, 2]})", {"1.0"}, {"2"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"enum": [[1]], "items": {"contains": {}}})",
                "keyword \"contains\" is not supported");
  ExpectRefused(R"x({"enum": ["a"], "pattern": "(?=a)"})x", "keyword \"pattern\" has a lookaround");
}

TEST(SchemaKeywords, PatternsHoldBesideLengthsAndEachOther) {
  const SchemaCase cases[] = {
      {R"({"pattern": "^[a-z]+$", "minLength": 2, "maxLength": 3})",
       {"\"ab\"", "\"abc\""},
       {"\"a\"", "\"abcd\"", "\"aB\""}},
      {R"({"pattern": "\\n", "maxLength": 2})", {R"("\n")", R"("a\n")"}, {R"("aa\n")", "\"a\""}},
      {R"({"pattern": "^.*x", "minLength": 3})",
       {"\"x\xC3\xA9\xE2\x82\xAC\"", "\"aaaax\""},
       {"\"xa\"", "\"aaaa\""}},
      {R"({"allOf": [{"pattern": "a"}, {"pattern": "b"}, {"pattern": "^c"}]})",
       {"\"cab\"", "\"cxbxa\""},
       {"\"ca\"", "\"ab\"", "\"bca\""}},
      {R"({"format": "date", "pattern": "^2024", "maxLength": 10})",
       {"\"2024-02-29\""},
       {"\"2023-01-01\"", "\"2024-02-30\""}},
      {R"({"format": "ipv4", "minLength": 15})", {"\"255.255.255.255\""}, {"\"1.2.3.4\""}},
      {R"({"format": "uri", "minLength": 1, "maxLength": 2083})", {"\"https://a.org\""}, {"\"\""}},
      {R"({"pattern": "^[a-z]{1,20}$", "maxLength": 1000000000})", {"\"abc\""}, {"\"1\""}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"pattern": "^a$", "minLength": 2})", "allows no answer at all");
  ExpectRefused(R"({"format": "date", "pattern": "x"})", "allows no answer at all");
  ExpectRefused(R"({"pattern": "a", "maxLength": 100000})",
                "keyword \"pattern\" is too large beside lengths");
}

TEST(SchemaKeywords, MultiplesOf) {
  for (const int divisor : {1, 2, 7, 10, 64, 97, 250, 1000}) {
    const std::string keyword = absl::StrCat(R"({"multipleOf": )", divisor);
    ConstraintAutomaton any(SchemaConstraint(keyword + "}"));
    ConstraintAutomaton some(
        SchemaConstraint(keyword + R"(, "type": "integer", "minimum": -50, "maximum": 2000})"));
    for (int i = -200; i <= 2500; ++i) {
      const bool is_multiple = i % divisor == 0;
      EXPECT_EQ(any.Matches(std::to_string(i)), is_multiple) << i << " " << divisor;
      EXPECT_EQ(some.Matches(std::to_string(i)), is_multiple && i >= -50 && i <= 2000) << i;
    }
    EXPECT_FALSE(any.Matches("-0") || any.Matches("00") || any.Matches("") || any.Matches("0.0"));
  }
  const SchemaCase cases[] = {
      {R"({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}]})", {"12", "-24"}, {"4", "6", "18"}}};
  ExpectCases(cases);
  ExpectRefused(R"({"multipleOf": 0.01})", "keyword \"multipleOf\" must be a whole number from 1");
  ExpectRefused(R"({"multipleOf": 999})", "keyword \"multipleOf\" has 999, which needs more than");
  ExpectRefused(R"({"allOf": [{"multipleOf": 999}, {"multipleOf": 1000}]})",
                "keyword \"multipleOf\" with two values");
}

TEST(SchemaKeywords, NumbersOfOpenApisFormats) {
  const SchemaCase cases[] = {
      {R"({"type": "integer", "format": "int32"})",
       {"2147483647", "-2147483648", "0"},
       {"2147483648", "-2147483649"}},
      {R"({"type": "integer", "format": "int32", "minimum": 5})", {"5"}, {"4", "2147483648"}},
      {R"({"type": "number", "format": "double"})", {"1.5e3"}, {"\"a\""}},
      {R"({"type": ["integer", "string"], "format": "date"})", {"7", "\"2024-01-01\""}, {"\"x\""}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"type": "integer", "format": "uint3"})", "keyword \"format\" has 'uint3'");
}

TEST(SchemaKeywords, PatternProperties) {
  const SchemaCase cases[] = {
      {R"({"patternProperties": {"^x": {"const": 1}}})",
       {"{}", R"({"x":1})", R"({"xy":1,"x2":1})"},
       {R"({"y":1})", R"({"x":2})"}},
      {R"({"patternProperties": {"a": {"type": "integer"}, "b": {"maximum": 5}},
           "additionalProperties": {"const": null}})",
       {R"({"a":9})", R"({"ab":5})", R"({"b":5})", R"({"":null,"c":null})"},
       {R"({"ab":9})", R"({"a":null})", R"({"c":1})", R"({"ab":4.5})"}},
      {R"({"properties": {"ax": {"minimum": 3}}, "patternProperties": {"^a": {"type": "integer"}},
           "required": ["ay"]})",
       {R"({"ax":3,"ay":0})", R"({"ay":0,"az":1})"},
       {R"({"ax":2,"ay":0})", R"({"ax":3.5,"ay":0})", "{}", R"({"ay":"s"})", R"({"ay":0,"b":1})"}},
      {R"({"patternProperties": {"\"": {"const": 1}}, "additionalProperties": false})",
       {R"({"\"":1})"},
       {R"({"q":1})"}},
      {R"({"patternProperties": {"\\d": {"const": 1}, "^[a-z]": {"const": 1}},
           "additionalProperties": {"const": 2}})",
       {R"({"3":1,"a":1,"a3":1,"_":2})"},
       {"{\"\xD9\xA3\":2}", R"({"a":2})"}},
      {R"({"properties": {"a": {"const": 1}}, "patternProperties": {}})", {R"({"a":1})"}, {}},
      {R"({"patternProperties": {"^x": false}, "additionalProperties": {"const": 1}})",
       {R"({"y":1})"},
       {R"({"x":1})"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"x({"patternProperties": {"(?=a)": {}}})x",
                "keyword \"patternProperties\" has a look");
  ExpectRefused(R"({"patternProperties": {"1": {}, "2": {}, "3": {}, "4": {}, "5": {}}})",
                "keyword \"patternProperties\" has more than 4 expressions");
  ExpectRefused(
      R"({"allOf": [{"patternProperties": {"a": {}}}, {"patternProperties": {"b": {}}}]})",
      "keyword \"patternProperties\" of schemas that must both hold");
}

TEST(SchemaKeywords, CountsOfMembers) {
  const SchemaCase cases[] = {
      {R"({"type": "object", "minProperties": 1, "maxProperties": 2,
           "additionalProperties": {"const": 1}})",
       {R"({"a":1})", R"({"a":1,"b":1})"},
       {"{}", R"({"a":1,"b":1,"c":1})"}},
      {R"({"properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}},
           "minProperties": 2})",
       {R"({"a":1,"b":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})", R"({"a":1,"b":1,"c":1})"},
       {"{}", R"({"a":1})", R"({"c":1})"}},
      {R"({"properties": {"a": {"const": 1}, "b": {"const": 1}, "c": {"const": 1}},
           "required": ["b"], "maxProperties": 2})",
       {R"({"b":1})", R"({"a":1,"b":1})", R"({"b":1,"c":1})"},
       {R"({"a":1,"b":1,"c":1})", R"({"a":1,"c":1})"}},
      {R"({"properties": {"a": {"const": 1}}, "additionalProperties": {"const": 2},
           "minProperties": 2})",
       {R"({"a":1,"b":2})", R"({"a":1,"b":2,"c":2})"},
       {R"({"a":1})", R"({"b":2,"b":2})"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"properties": {"a": {}}, "minProperties": 2})", "allows no answer at all");
  ExpectRefused(R"({"type": "object", "minProperties": 2})",
                "keyword \"minProperties\" above that of members");
}

TEST(SchemaKeywords, UniqueItemsOfAList) {
  const SchemaCase cases[] = {
      {R"({"items": {"enum": ["a", "b", "c", "a"]}, "uniqueItems": true, "minItems": 1})",
       {R"(["a"])", R"(["a","c"])", R"(["a", "b","c"])"},
       {"[]", R"(["a","a"])", R"(["b","a"])"}},
      {R"({"items": {"$ref": "#/$defs/e"}, "uniqueItems": true, "maxItems": 2,
           "$defs": {"e": {"anyOf": [{"enum": [1, 2]}, {"const": 1.0}, {"const": "x"}]}}})",
       {"[]", "[1,2]", R"([2,"x"])"},
       {R"([1,2,"x"])", "[1,1.0]"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"items": {"enum": [1]}, "uniqueItems": true, "minItems": 2})",
                "allows no answer at all");
  ExpectRefused(R"({"items": {"type": "string"}, "uniqueItems": true})",
                "keyword \"uniqueItems\" of items that are not all in an \"enum\"");
}

// A value must not be valid by a schema that is expanded to less than it allows.
TEST(SchemaKeywords, OneOfNarrowedSchemas) {
  const char* same = "keyword \"oneOf\" with schemas that may hold at once";
  ExpectRefused(R"({"oneOf": [{"const": 2.5}, {"not": {"type": "integer"}}]})", same);
  ExpectRefused(R"({"oneOf": [{"properties": {"k": {"const": 2.5}}, "required": ["k"]},
                    {"properties": {"k": {"not": {"type": "integer"}}}, "required": ["k"]}]})",
                same);
  ExpectRefused(R"({"oneOf": [{"oneOf": [{"minimum": 5}]}, {"type": "null"}]})", same);
  ExpectRefused(R"({"oneOf": [
      {"properties": {"k": {"oneOf": [{"minimum": 5}]}}, "required": ["k"]},
      {"properties": {"k": {"type": "null"}}, "required": ["k"]}]})",
                same);
  ExpectRefused(R"({"oneOf": [{"properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
      {"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}],
       "type": "object", "unevaluatedProperties": false}]})",
                same);
  const SchemaCase cases[] = {
      {R"({"oneOf": [{"const": 2}, {"not": {"type": "integer"}}]})", {"2", "2.5", "null"}, {"1"}},
      {R"({"oneOf": [{"oneOf": [{"type": "null"}, {"const": 1}]}, {"type": "string"}]})",
       {"null", "1", "\"a\""},
       {"2"}},
  };
  ExpectCases(cases);
}

// What stands beside "oneOf" must not let in values that two of its schemas allow.
TEST(SchemaKeywords, OneOfStaysOneOf) {
  const SchemaCase cases[] = {{R"({"type": ["object", "array"], "oneOf": [
           {"properties": {"k": {"const": 1}}, "required": ["k"]},
           {"properties": {"k": {"const": 2}}, "required": ["k"]}]})",
                               {R"({"k":1})", R"({"k":2})"},
                               {"[]", "{}"}}};
  ExpectCases(cases);
  const char* same = "keyword \"oneOf\" with schemas that may hold at once";
  ExpectRefused(R"({"oneOf": [{"const": {"a": 1, "b": 2}}, {"const": {"b": 2, "a": 1}}]})", same);
  ExpectRefused(R"({"properties": {"k": {"type": ["object", "array"]}}, "oneOf": [
      {"properties": {"k": {"properties": {"z": {"const": 1}}, "required": ["z"]}},
       "required": ["k"]},
      {"properties": {"k": {"properties": {"z": {"const": 2}}, "required": ["z"]}},
       "required": ["k"]}]})",
                same);
  ExpectRefused(R"({"oneOf": [{"properties": {"x": {"const": 1}}, "required": ["x"]},
      {"patternProperties": {"x": {}}, "additionalProperties": false}]})",
                same);
}

// A reference inside a part with an own "$id" starts from there.
TEST(SchemaKeywords, PartsWithAnIdOfTheirOwn) {
  const SchemaCase cases[] = {
      {R"({"$id": "a", "properties": {"b": {"$id": "b", "type": "null"}}})", {R"({"b":null})"}, {}},
      {R"({"properties": {"b": {"$id": "#b", "$ref": "#/$defs/n"}}, "$defs": {"n": {"const": 1}}})",
       {R"({"b":1})"},
       {R"({"b":2})"}}};
  ExpectCases(cases);
  ExpectRefused(R"({"$ref": "#/$defs/a", "$defs": {"n": {"const": 1}, "a": {"$id": "b",
      "$ref": "#/$defs/n", "$defs": {"n": {"const": 2}}}}})",
                "keyword \"$id\" of a part with \"$ref\" is not supported");
  ExpectRefused(R"({"$ref": "#/$defs/a/$defs/x", "$defs": {"n": {"const": 1}, "a": {"$id": "b",
      "$defs": {"x": {"$ref": "#/$defs/n"}, "n": {"const": 2}}}}})",
                "keyword \"$ref\" leads to");
}

}  // namespace
}  // namespace octet
