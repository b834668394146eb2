#include "runtime/structured/json_schema.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/structured/string_formats.h"
#include "tests/support/schema_cases.h"

namespace octet {
namespace {

using testing::HasSubstr;

TEST(JsonSchema, OfSimpleValues) {
  const SchemaCase cases[] = {
      {"true", {"1", "\"a\"", "null", "[]", R"({"a": [1, {}]})"}, {"", "x", "[1,]", "{a:1}"}},
      {"{}", {"-1.5e+10", "true"}, {"01", "1.", ".5", "+1", "1e100", "-", "truefalse"}},
      {R"({"type": "integer"})",
       {"0", "-7", "123456789012345678"},
       {"-0", "1.0", "007", "1234567890123456789", "\"1\"", " 1", "1 "}},
      {R"({"type": ["null", "boolean"]})", {"null", "true", "false"}, {"0", "\"null\""}},
      {R"({"type": "string"})",
       {R"("")", R"("\u00e9\n\/\"")", R"("\ud83d\ude00")", "\"\xC3\xA9\""},
       {R"("\ud83d")", R"("\x")", "\"\n\"", "\"\xC3\"", R"("\ude00\ud83d")", "\"a"}},
      {R"({"type": "string", "minLength": 2, "maxLength": 3})",
       {R"("ab")", R"("\nbc")", R"("\ud83d\ude00x")", "\"\xC3\xA9\xF0\x9F\x98\x80\""},
       {R"("a")", R"("abcd")", R"("\ud83d\ude00")"}},
      {R"({"type": "string", "pattern": "^[a-z\"]{2}$"})",
       {R"("ab")", R"("a\"")"},
       {R"("a")", R"("aB")", R"("abc")", R"("\u0061b")"}},
      {R"({"pattern": "\\n"})", {R"("\n")", R"("x\ny")"}, {R"("x")", "1", R"("\u000a")"}},
      {R"({"const": {"a": [1, "\u00e9"]}})", {"{\"a\":[1,\"\xC3\xA9\"]}"}, {"{\"a\":[1]}"}},
      {R"({"enum": [1, "a", null, "1"], "type": ["string", "null"]})",
       {R"("a")", "null", R"("1")"},
       {"1", "a"}},
      {R"({"type": "number", "exclusiveMinimum": 0, "maximum": 1.5})",
       {"0.1", "1", "1.5", "1.50"},
       {"0", "0.0", "1.51", "2", "-1", "1e0"}},
      {R"({"type": "integer", "minimum": -3, "maximum": 12})", {"-3", "0", "12"}, {"-4", "13"}},
      {R"({"minimum": 5})", {"5", "6.5"}, {"4.9", "\"5\""}},
  };
  ExpectCases(cases);
}

TEST(JsonSchema, OfObjects) {
  const SchemaCase cases[] = {
      {R"({"type": "object"})", {"{}", R"({"a":1,"b": {}})"}, {"{,}", "{ }", "[]", R"({"a" :1})"}},
      {R"({"properties": {"a": {"type": "integer"}, "b": {"type": "null"}}, "required": ["b"]})",
       {R"({"a":1,"b":null})", R"({"a": 1, "b": null})", R"({"b":null})"},
       {"{}", R"({"a":1})", R"({"b":null,"a":1})", R"({"b":null,"c":1})", R"({"b":null,})"}},
      {R"({"properties": {"a": true, "b": true, "c": true}})",
       {"{}", R"({"a":1})", R"({"c":1})", R"({"a":1,"c":1})", R"({"b":1,"c":1})"},
       {R"({"c":1,"b":1})", R"({,"a":1})", R"({"a":1 ,"b":1})", R"({"a":1,  "b":1})"}},
      {R"({"properties": {"ab": {"const": 1}}, "additionalProperties": {"const": 2}})",
       {"{}", R"({"ab":1})", R"({"ab":1,"a":2,"abc":2})", R"({"":2})", R"({"b":2})"},
       {R"({"ab":2})", R"({"a":1})", R"({"ab":1,"ab":2})", R"({"\u0061b":2})"}},
      {R"({"required": ["x"], "properties": {"y": {"const": 1}}})",
       {R"({"x":[]})", R"({"y":1,"x":0})"},
       {R"({"y":1})", R"({"x":0,"y":1})"}},
      {R"({"properties": {"a": false, "b": {"const": 1}}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}},
      {R"({"properties": {"a\"\n": {"const": 1}}})", {R"({"a\"\n":1})"}, {R"({"a\"":1})"}},
  };
  ExpectCases(cases);
}

TEST(JsonSchema, OfArrays) {
  const SchemaCase cases[] = {
      {R"({"type": "array"})", {"[]", "[1, [2,[]]]"}, {"[1,,2]", "[ 1]", "[1 ]"}},
      {R"({"items": {"const": 1}, "minItems": 1, "maxItems": 3})",
       {"[1]", "[1,1]", "[1, 1,1]"},
       {"[]", "[1,1,1,1]", "[2]"}},
      {R"({"items": {"const": 1}, "maxItems": 0})", {"[]"}, {"[1]"}},
      {R"({"items": {"const": 1}, "minItems": 2})", {"[1,1]", "[1,1,1,1]"}, {"[]", "[1]"}},
      {R"({"prefixItems": [{"const": 1}, {"const": 2}]})",
       {"[]", "[1]", "[1,2]"},
       {"[2]", "[1,2,3]", "[,1]"}},
      {R"({"prefixItems": [{"const": 1}, {"const": 2}], "items": {"const": 3}, "minItems": 1,
           "maxItems": 4})",
       {"[1]", "[1,2]", "[1,2,3,3]"},
       {"[]", "[1,3]", "[1,2,3,3,3]"}},
      {R"({"prefixItems": [{"const": 1}, {"const": 2}], "maxItems": 1})", {"[]", "[1]"}, {"[1,2]"}},
      {R"({"prefixItems": [{"const": 1}], "minItems": 3})", {"[1,{},0]"}, {"[1,2]", "[1,2,3,4]"}},
      {R"({"items": [{"const": 1}], "additionalItems": {"const": 2}})", {"[1,2,2]"}, {"[2]"}},
      {R"({"prefixItems": [{"const": 1}], "items": false})", {"[]", "[1]"}, {"[1,1]"}},
  };
  ExpectCases(cases);
}

TEST(JsonSchema, OfCombinations) {
  const SchemaCase cases[] = {
      {R"({"anyOf": [{"type": "integer"}, {"const": "a"}]})", {"1", "\"a\""}, {"\"b\""}},
      {R"({"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})",
       {"1", "\"a\""},
       {"\"ab\""}},
      {R"({"oneOf": [{"properties": {"k": {"const": 1}, "v": {"type": "null"}}, "required": ["k"]},
                     {"properties": {"k": {"const": 2}}, "required": ["k"]}]})",
       {R"({"k":1,"v":null})", R"({"k":2})"},
       {R"({"k":2,"v":null})", "{}"}},
      {R"({"allOf": [{"minimum": 2}, {"maximum": 4}, {"type": "integer"}]})",
       {"2", "4"},
       {"1", "5", "3.5"}},
      {R"({"properties": {"a": {"type": "integer"}}, "allOf": [{"properties": {"a": {"minimum": 1},
           "b": {"const": 0}}, "required": ["b"]}]})",
       {R"({"a":1,"b":0})", R"({"b":0})"},
       {R"({"a":0,"b":0})", R"({"a":1})"}},
      {R"({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}},
           "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
       {R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
       {"{}"}},
      {R"({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}})", {"null"}, {"1"}},
      {R"({"$ref": "#/$defs/x%25", "maximum": 3, "$defs": {"x%": {"type": "integer"}}})",
       {"3"},
       {"4", "null"}},
      {R"({"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#"}},
           "required": ["v"]})",
       {R"({"v":1})", R"({"v":1,"next":{"v":2,"next":{"v":3}}})"},
       {R"({"next":{"v":1}})", R"({"v":1,"next":{}})"}},
      {R"({"allOf": [{"additionalProperties": false, "properties": {"a": {"const": 1}}},
                     {"properties": {"b": {"const": 1}}}]})",
       {"{}", R"({"a":1})"},
       {R"({"b":1})"}},
  };
  ExpectCases(cases);
}

TEST(JsonSchema, NamesWhatItDoesNotFollow) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"not": {}})", "allows no answer at all"},
      {R"({"properties": {"a": {"items": {"$dynamicRef": "#a"}}}})",
       "keyword \"$dynamicRef\" is not supported"},
      {R"({"type": "array", "uniqueItems": true})",
       "keyword \"uniqueItems\" of items that are not"},
      {R"({"type": "array", "contains": {}})", "keyword \"contains\""},
      {R"({"unheard": 1})", "keyword \"unheard\" is not supported"},
      {R"({"format": "regex"})", "keyword \"format\" has 'regex', which is not supported"},
      {R"x({"pattern": "(?=a)"})x", "keyword \"pattern\" has a lookaround"},
      {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})",
       "keyword \"oneOf\" with schemas that may hold at once"},
      {R"({"$ref": "#/$defs/none"})", "keyword \"$ref\" leads to '#/$defs/none'"},
      {R"({"$ref": "other.json"})", "keyword \"$ref\" leads to 'other.json'"},
      {R"({"$ref": "#"})", "has a $ref that leads to itself"},
      {R"({"type": "float"})", "keyword \"type\" must be a type of JSON"},
      {R"({"minLength": -1})", "keyword \"minLength\" must be a whole number"},
      {R"({"required": [1]})", "keyword \"required\" must be a list of texts"},
      {R"({"type": "integer", "minimum": 3, "maximum": 2})", "allows no answer at all"},
      {R"({"enum": []})", "allows no answer at all"},
      {R"({"properties": {"a": {"$ref": "#"}}, "required": ["a"]})", "allows no answer at all"},
      {"false", "allows no answer at all"},
      {"3", "is no object"},
      {"{", "the schema"},
  };
  for (const auto& [schema, message] : cases) {
    const absl::StatusOr<Grammar> grammar = MakeGrammar(SchemaConstraint(schema));
    ASSERT_FALSE(grammar.ok()) << schema;
    EXPECT_THAT(std::string(grammar.status().message()), HasSubstr(message)) << schema;
  }
}

TEST(JsonSchema, IgnoresAnnotations) {
  ConstraintAutomaton automaton(SchemaConstraint(
      R"({"title": "t", "description": "d", "default": 1, "examples": [1], "$schema": "s",
          "$id": "i", "$comment": "c", "deprecated": true, "type": "null", "uniqueItems": false,
          "contentSchema": {}, "x-order": 1})"));
  EXPECT_TRUE(automaton.Matches("null"));
}

TEST(JsonSchema, OfAnySizeEndsSoon) {
  std::string wide = R"({"properties": {)";
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&wide, i > 0 ? "," : "", "\"", i, "\": true");
  EXPECT_FALSE(MakeGrammar(SchemaConstraint(wide + "}}")).ok());

  std::string growing = R"({"$ref": "#/$defs/0", "$defs": {)";
  for (int i = 0; i < 50; ++i) {
    const std::string next = absl::StrCat(R"({"$ref": "#/$defs/)", i + 1, "\"}");
    absl::StrAppend(&growing, "\"", i, R"(": {"allOf": [)", next, ", ", next, "]}, ");
  }
  EXPECT_FALSE(MakeGrammar(SchemaConstraint(growing + R"("50": {}}})")).ok());

  std::string products = R"({"allOf": [)";
  for (int i = 0; i < 20; ++i) {
    absl::StrAppend(&products, i > 0 ? "," : "",
                    R"({"anyOf": [{"minimum": 1}, {"maxLength": 2}]})");
  }
  EXPECT_FALSE(MakeGrammar(SchemaConstraint(products + "]}")).ok());

  ConstraintAutomaton counted(SchemaConstraint(R"({"type": "string", "maxLength": 1000000000})"));
  EXPECT_TRUE(counted.Matches("\"" + std::string(5000, 'x') + "\""));
}

TEST(JsonSchema, LeavesFormatsOfAnyTextOpen) {
  for (const char* format : {"password", "binary", "path", "file-path", "directory-path"}) {
    ConstraintAutomaton automaton(
        SchemaConstraint(absl::StrCat(R"({"type": "string", "format": ")", format, "\"}")));
    EXPECT_TRUE(automaton.Matches("\"any \xC3\xA9\""));
  }
}

struct FormatCase {
  const char* format;
  std::vector<std::string> texts;
  std::vector<std::string> others;
};

std::vector<FormatCase> FormatsOfJsonSchema() {
  return {
      {"date",
       {"2024-02-29", "2000-02-29", "0001-01-01"},
       {"1900-02-29", "2023-04-31", "0000-01-01"}},
      {"time", {"23:59:59Z", "00:00:00.123+01:30"}, {"24:00:00Z", "12:00:00", "12:00:60Z"}},
      {"date-time", {"2024-12-31T12:00:00Z"}, {"2024-12-31", "2024-13-01T12:00:00Z"}},
      {"duration", {"P1Y2M3D", "PT5M", "P2W", "P1DT12H"}, {"P", "PT", "1Y", "P1DT"}},
      {"email", {"a.b+c@d-e.org"}, {"a@b", "@b.org", "a..b@c.org"}},
      {"hostname", {"a", "a-b.example.org"}, {"-a", "a-", "a..b", ""}},
      {"ipv4", {"0.0.0.0", "255.10.1.99"}, {"256.0.0.0", "1.2.3", "01.2.3.4"}},
      {"ipv6", {"1:2:3:4:5:6:7:abcd"}, {"1:2", "1:2:3:4:5:6:7:12345"}},
      {"uuid", {"12345678-9abc-def0-1234-56789abcdef0"}, {"12345678"}},
      {"uri",
       {"https://a.org", "ftp://a-b.c/d/e.f?x=1&y=2#z", "http://localhost:8080/"},
       {"a.org", "//a.org", "https://", "https://a.org/a b", "https://a.org:x"}},
      {"iri", {"https://a.org/b"}, {"b"}},
      {"uri-reference", {"/a/b?c#d", "https://a.org"}, {"", "a b", "https://"}},
      {"iri-reference", {"/a"}, {"\\a"}},
      {"idn-email", {"a@b.org"}, {"a"}},
      {"idn-hostname", {"b.org"}, {"-b"}},
      {"json-pointer", {"", "/a/0/~0~1"}, {"a", "/~", "/~2"}},
      {"relative-json-pointer", {"0", "1/a", "2#"}, {"", "/a", "01/a"}},
  };
}

std::vector<FormatCase> FormatsOfOpenApiAndPydantic() {
  return {
      {"base64", {"", "YWI=", "YQ==", "ab+/"}, {"a", "YWI", "a==="}},
      {"base64url", {"YWI=", "ab-_"}, {"ab+/"}},
      {"byte", {"YWI="}, {"YWI"}},
      {"uuid1", {"12345678-9abc-1ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-8234-56789abcdef0"}},
      {"uuid3", {"12345678-9abc-3ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-8234-56789abcdef0"}},
      {"uuid4", {"12345678-9abc-4ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-1234-56789abcdef0"}},
      {"uuid5", {"12345678-9abc-5ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-8234-56789abcdef0"}},
      {"uuid6", {"12345678-9abc-6ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-8234-56789abcdef0"}},
      {"uuid7", {"12345678-9abc-7ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-8234-56789abcdef0"}},
      {"uuid8", {"12345678-9abc-8ef0-8234-56789abcdef0"}, {"12345678-9abc-4ef0-8234-56789abcdef0"}},
      {"ipvanyaddress", {"10.1.2.3"}, {"256.0.0.0"}},
      {"ipv4network", {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"}, {"10.1.2.3/24", "10.1.0.0"}},
      {"ipvanynetwork", {"10.1.2.0/24"}, {"10.1.2.3/24"}},
      {"ipv6network", {"1:2:3:4::/64"}, {"1:2:3:4:5:6:7:8/64"}},
      {"ipv4interface", {"10.1.2.3/24", "10.1.2.3/0"}, {"10.1.2.3/33"}},
      {"ipvanyinterface", {"10.1.2.3/32"}, {"10.1.2.3/33"}},
      {"ipv6interface", {"1:2:3:4:5:6:7:8/128"}, {"1:2:3:4:5:6:7:8/129"}},
  };
}

TEST(JsonSchema, KnowsFormats) {
  std::vector<FormatCase> cases = FormatsOfJsonSchema();
  for (const FormatCase& more : FormatsOfOpenApiAndPydantic()) cases.push_back(more);
  EXPECT_EQ(cases.size(), KnownFormats().size());
  for (const auto& [format, texts, others] : cases) {
    ConstraintAutomaton automaton(SchemaConstraint(absl::StrCat(R"({"format": ")", format, "\"}")));
    for (const std::string& text : texts)
      EXPECT_TRUE(automaton.Matches("\"" + text + "\"")) << text;
    for (const std::string& text : others) {
      EXPECT_FALSE(automaton.Matches("\"" + text + "\"")) << text;
    }
  }
}

}  // namespace
}  // namespace octet
