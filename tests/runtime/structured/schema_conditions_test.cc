// Keywords of JSON Schema that depend on others, or say what must not be.

#include "tests/support/schema_cases.h"

namespace octet {
namespace {

TEST(SchemaConditions, NamesOfAListAreMembers) {
  const SchemaCase cases[] = {
      {R"({"type": "object", "additionalProperties": {"type": "null"},
           "propertyNames": {"$ref": "#/$defs/Color"},
           "$defs": {"Color": {"type": "string", "enum": ["red", "blue"]}}})",
       {"{}", R"({"red":null})", R"({"red":null,"blue":null})"},
       {R"({"green":null})", R"({"blue":null,"red":null})", R"({"red":null,"red":null})"}},
      {R"({"propertyNames": {"enum": ["a", "b", 7]}, "minProperties": 2})",
       {R"({"a":1,"b":[]})"},
       {R"({"a":1})", "{}", R"({"7":1})"}},
      {R"({"propertyNames": {"anyOf": [{"const": "id"}, {"pattern": "^x"}]},
           "additionalProperties": {"const": 1}, "required": ["xa"]})",
       {R"({"xa":1})", R"({"xa":1,"id":1,"xb":1})"},
       {R"({"xa":1,"b":1})", R"({"xa":1,"xa":1})", R"({"id":1})"}},
      {R"({"properties": {"a": {"const": 1}, "bb": {"const": 2}}, "propertyNames": {"maxLength": 1}})",
       {"{}", R"({"a":1})"},
       {R"({"bb":2})"}},
      {R"({"propertyNames": {"enum": ["x1", "y"]}, "patternProperties": {"^x": {"const": 1}}})",
       {"{}", R"({"x1":1})"},
       {R"({"y":1})", R"({"x2":1})"}},
      {R"({"propertyNames": {"enum": ["a"]}, "additionalProperties": false})",
       {"{}"},
       {R"({"a":1})"}},
      {R"({"type": "object", "propertyNames": {"type": "integer", "enum": [1]}})",
       {"{}"},
       {R"({"1":1})"}},
      {R"({"enum": [{"a": 1}, {"b": 1}], "propertyNames": {"const": "a"}})",
       {R"({"a":1})"},
       {R"({"b":1})"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"propertyNames": {"const": "a"}, "required": ["b"]})",
                "allows no answer at all");
  ExpectRefused(R"({"propertyNames": {"contains": {}}})", "keyword \"contains\"");
  ExpectRefused(R"({"propertyNames": 1})", "keyword \"propertyNames\" must be a schema");
}

TEST(SchemaConditions, NamesObeyRules) {
  const SchemaCase cases[] = {
      {R"({"propertyNames": {"type": "string"}, "additionalProperties": {"const": 1}})",
       {"{}", R"({"any \n":1})"},
       {R"({"a":2})"}},
      {R"({"propertyNames": {"minLength": 2, "maxLength": 3}, "additionalProperties": {"const": 1}})",
       {R"({"ab":1,"abc":1})", R"({"\u00e9x":1})"},
       {R"({"a":1})", R"({"abcd":1})"}},
      {R"({"patternProperties": {"^[a-z]+$": {"const": 1}},
           "propertyNames": {"minLength": 2, "maxLength": 3}})",
       {"{}", R"({"ab":1})"},
       {R"({"a":1})", R"({"aB":1})", R"({"abcd":1})"}},
      {R"({"propertyNames": {"allOf": [{"pattern": "^a"}, {"pattern": "b$"}, {"minLength": 3}]},
           "properties": {"axb": {"const": 2}}, "additionalProperties": {"const": 1}})",
       {R"({"axb":2,"ayb":1})", R"({"axxb":1})"},
       {R"({"ab":1})", R"({"axb":1})", R"({"axc":1})"}},
      {R"({"propertyNames": {"format": "date"}, "additionalProperties": {"const": 1}})",
       {R"({"2024-02-29":1})"},
       {R"({"2023-02-29":1})"}},
      {R"x({"propertyNames": {"pattern": "^(?!_)"}, "additionalProperties": {"const": 1}})x",
       {R"({"a":1})", R"({"":1})"},
       {R"({"_a":1})"}},
      {R"({"propertyNames": {"not": {"enum": ["a", "b"]}}, "additionalProperties": {"const": 1}})",
       {R"({"ab":1,"c":1})"},
       {R"({"a":1})", R"({"b":1})"}},
      {R"({"allOf": [{"propertyNames": {"enum": ["a", "b"]}}, {"propertyNames": {"enum": ["b", "c"]}}],
           "additionalProperties": {"const": 1}})",
       {R"({"b":1})"},
       {R"({"a":1})", R"({"c":1})"}},
  };
  ExpectCases(cases);
}

TEST(SchemaConditions, MembersThatDependOnOthers) {
  const SchemaCase cases[] = {
      {R"({"properties": {"a": {"const": 1}, "b": {"const": 1}}, "dependentRequired": {"a": ["b"]}})",
       {"{}", R"({"b":1})", R"({"a":1,"b":1})"},
       {R"({"a":1})"}},
      {R"({"properties": {"a": {"const": 1}, "b": {"const": 1}}, "dependencies": {"a": ["b"],
           "b": {"required": ["c"]}}})",
       {"{}", R"({"a":1,"b":1,"c":0})", R"({"b":1,"c":0})"},
       {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":1})"}},
      {R"({"properties": {"a": {"const": 1}, "b": {"type": "integer"}},
           "dependentSchemas": {"a": {"properties": {"b": {"minimum": 5}}}}})",
       {R"({"b":1})", R"({"a":1,"b":5})", R"({"a":1})"},
       {R"({"a":1,"b":4})"}},
      {R"({"type": "object", "dependentRequired": {"a": ["b"]}})",
       {R"({"c":1})", R"({"a":1,"b":1})"},
       {R"({"a":1})"}},
      {R"({"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": false,
           "dependentRequired": {"a": ["b"]}})",
       {"{}"},
       {R"({"a":1})", R"({"a":1,"b":1})"}},
      {R"({"dependentRequired": {"a": ["b"]}, "dependencies": {"a": ["c"]}})",
       {"{}", R"({"a":1,"b":1,"c":1})"},
       {R"({"a":1})", R"({"a":1,"b":1})", R"({"a":1,"c":1})"}},
      {R"({"properties": {"a": {"const": 1}, "b": {"type": "integer"}},
           "dependentSchemas": {"a": {"properties": {"b": {"minimum": 5}}}},
           "dependencies": {"a": {"properties": {"b": {"maximum": 6}}}}})",
       {R"({"b":1})", R"({"a":1,"b":5})"},
       {R"({"a":1,"b":4})", R"({"a":1,"b":7})"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"dependentRequired": {"a": "b"}})",
                "keyword \"dependentRequired\" must be an object of lists");
}

TEST(SchemaConditions, MembersBesidePatterns) {
  const SchemaCase cases[] = {
      {R"({"patternProperties": {"^x": {"const": 1}}, "dependentRequired": {"xa": ["xb"]}})",
       {"{}", R"({"xb":1})", R"({"xa":1,"xb":1})"},
       {R"({"xa":1})", R"({"xa":2,"xb":1})"}},
      {R"({"patternProperties": {"^x": {"const": 1}}, "additionalProperties": {"const": 2},
           "not": {"required": ["a"]}})",
       {"{}", R"({"x":1,"b":2})"},
       {R"({"a":2})", R"({"b":1})"}},
      {R"({"allOf": [{"properties": {"xa": {"minimum": 3}, "b": {"const": 2}}},
                     {"patternProperties": {"^x": {"type": "integer"}}}]})",
       {R"({"xa":3,"b":2})", R"({"x":1})"},
       {R"({"xa":2})", R"({"xa":3.5})", R"({"b":1})", R"({"x":"a"})"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"patternProperties": {"^x": {}}, "additionalProperties": false,
                    "allOf": [{"properties": {"xa": {"const": 1}}}]})",
                "keyword \"patternProperties\" of schemas that must both hold");
}

TEST(SchemaConditions, NothingUnevaluated) {
  const SchemaCase cases[] = {
      {R"({"$ref": "#/$defs/base", "properties": {"c": {"const": 2}}, "unevaluatedProperties": false,
           "$defs": {"base": {"properties": {"a": {"const": 1}}, "required": ["a"]}}})",
       {R"({"c":2,"a":1})", R"({"a":1})"},
       {R"({"a":1,"b":1})"}},
      {R"({"type": "object", "unevaluatedProperties": false})", {"{}"}, {R"({"a":1})"}},
      {R"({"properties": {"a": {"const": 1}}, "unevaluatedProperties": {"const": 2}})",
       {R"({"a":1,"b":2})"},
       {R"({"a":1,"b":1})"}},
      {R"({"anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]},
                     {"properties": {"b": {"const": 1}}, "required": ["b"]}],
           "unevaluatedProperties": false})",
       {R"({"a":1})", R"({"b":1})"},
       {"{}", R"({"c":1})"}},
      {R"({"allOf": [{"unevaluatedProperties": false}], "properties": {"a": {"const": 1}}})",
       {"{}"},
       {R"({"a":1})"}},
      {R"({"allOf": [{"additionalProperties": {"const": 1}}], "unevaluatedProperties": false})",
       {R"({"a":1})"},
       {R"({"a":2})"}},
      {R"({"prefixItems": [{"const": 1}], "minItems": 2, "unevaluatedItems": {"const": 2}})",
       {"[1,2]", "[1,2,2]"},
       {"[1]", "[1,1]"}},
      {R"({"type": "array", "unevaluatedItems": false})", {"[]"}, {"[1]"}},
      {R"({"items": {"const": 1}, "unevaluatedItems": false})", {"[1,1]"}, {"[2]"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"not": {"required": ["a"]}, "unevaluatedProperties": false})",
                "keyword \"unevaluatedProperties\" beside \"not\" or \"if\"");
  ExpectRefused(R"({"if": {"properties": {"a": {}}}, "unevaluatedProperties": false})",
                "keyword \"unevaluatedProperties\" beside \"not\" or \"if\"");
}

TEST(SchemaConditions, WhatMustNotBe) {
  const SchemaCase cases[] = {
      {R"({"type": "string", "not": {"enum": ["a", "bc"]}})",
       {R"("")", R"("b")", R"("ab")"},
       {R"("a")", R"("bc")", R"("\u0061")"}},
      {R"({"type": "string", "maxLength": 2, "not": {"const": "\""}})",
       {R"("a")", R"("\\")"},
       {R"("\"")", R"("abc")"}},
      {R"({"type": "string", "not": {"pattern": "[0-9]"}})", {R"("a")", R"("")"}, {R"("a1")"}},
      {R"({"type": "integer", "minimum": 0, "not": {"const": 5}})", {"0", "55"}, {"5", "-1"}},
      {R"({"type": "integer", "multipleOf": 5, "not": {"enum": [10, 20.0]}})",
       {"0", "5", "100"},
       {"10", "20", "3"}},
      {R"({"type": "number", "not": {"enum": [0, 1.5]}})",
       {"0.1", "1.51", "15", "1.05"},
       {"0", "0.0", "1.5", "1.500", "-0.0"}},
      {R"({"type": "boolean", "not": {"const": true}})", {"false"}, {"true"}},
      {R"({"not": {"type": ["object", "array", "string", "number"]}})", {"null", "true"}, {"1"}},
      {R"({"type": ["string", "null"], "not": {"const": null}})", {"\"a\""}, {"null"}},
      {R"({"type": "integer", "not": {"minimum": 3, "maximum": 5}})", {"2", "6"}, {"3", "5"}},
      {R"({"type": "string", "not": {"anyOf": [{"maxLength": 1}, {"const": "ab"}]}})",
       {"\"abc\"", "\"aa\""},
       {"\"a\"", "\"ab\""}},
      {R"({"properties": {"a": {"type": "integer"}, "b": {"const": 1}}, "not": {"required": ["a", "b"]}})",
       {"{}", R"({"a":1})", R"({"b":1})"},
       {R"({"a":1,"b":1})"}},
      {R"({"properties": {"a": {"type": "integer"}}, "not": {"properties": {"a": {"const": 0}}}})",
       {R"({"a":1})"},
       {R"({"a":0})", "{}"}},
      {R"({"enum": ["a", "b", 1], "not": {"enum": ["a", 1.0]}})", {"\"b\""}, {"\"a\"", "1"}},
      {R"({"type": "array", "items": {"const": 1}, "not": {"minItems": 2}})", {"[1]"}, {"[1,1]"}},
      {R"({"type": "null", "not": false})", {"null"}, {}},
      {R"({"enum": [2.5, 1, 2.0], "not": {"type": "integer"}})", {"2.5"}, {"1", "2.0"}},
      {R"({"type": "number", "not": {"type": "integer"}})",
       {"2.5", "-1.10"},
       {"1", "2.0", "-0.0", "25e-1"}},
      {R"({"minimum": 1, "maximum": 3, "not": {"type": "integer"}})", {"2.5"}, {"2", "2.0", "3.5"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"type": "array", "not": {"const": []}})",
                "keyword \"not\" of a list or an object is not supported");
  ExpectRefused(R"({"not": {"items": {}}})", "keyword \"items\" inside \"not\" is not supported");
  ExpectRefused(R"({"type": "string", "not": {"oneOf": [{"const": "a"}]}})",
                "keyword \"oneOf\" inside \"not\" or \"if\" is not supported");
  ExpectRefused(R"({"type": "number", "not": {"const": 1e30}})",
                "keyword \"not\" of a number with an exponent");
}

TEST(SchemaConditions, IfThenElse) {
  const SchemaCase cases[] = {
      {R"({"properties": {"country": {"enum": ["US", "CA"]}, "zip": {"type": "string"}},
           "required": ["country", "zip"], "if": {"properties": {"country": {"const": "US"}}},
           "then": {"properties": {"zip": {"pattern": "^[0-9]{2}$"}}},
           "else": {"properties": {"zip": {"pattern": "^[A-Z]$"}}}})",
       {R"({"country":"US","zip":"12"})", R"({"country":"CA","zip":"A"})"},
       {R"({"country":"US","zip":"A"})", R"({"country":"CA","zip":"12"})"}},
      {R"({"type": "integer", "if": {"minimum": 10}, "then": {"multipleOf": 10}})",
       {"1", "20", "-3"},
       {"11"}},
      {R"({"type": "integer", "if": {"minimum": 10}, "else": {"const": 1}})", {"1", "11"}, {"2"}},
      {R"({"type": "integer", "if": {"minimum": 10}})", {"1", "11"}, {}},
      {R"({"type": "integer", "then": {"const": 1}})", {"1", "11"}, {}},
      {R"({"properties": {"k": {"enum": ["a", "b", "c"]}, "v": {"type": "integer"}}, "required": ["k"],
           "allOf": [{"if": {"properties": {"k": {"const": "a"}}, "required": ["k"]},
                      "then": {"required": ["v"]}},
                     {"if": {"properties": {"k": {"const": "b"}}, "required": ["k"]},
                      "then": {"properties": {"v": false}}}]})",
       {R"({"k":"a","v":1})", R"({"k":"b"})", R"({"k":"c","v":1})", R"({"k":"c"})"},
       {R"({"k":"a"})", R"({"k":"b","v":1})"}},
  };
  ExpectCases(cases);
  ExpectRefused(R"({"if": {"items": {"const": 1}}, "then": {"minItems": 1}})",
                "keyword \"items\" inside \"if\" is not supported");
}

TEST(SchemaConditions, PatternsThatBeginWithLookaheads) {
  const SchemaCase cases[] = {
      {R"x({"pattern": "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$"})x",
       {"\"-12.5\"", "\".5\"", "\"007\""},
       {"\"\"", "\"-.\"", "\"+\"", "\"1e5\""}},
      {R"x({"pattern": "^(?=.*[A-Z])(?=.*[0-9]).{3,5}$"})x",
       {"\"aB3\"", "\"3xxxB\""},
       {"\"ab3\"", "\"aBc\"", "\"B3\"", "\"B3xxxx\""}},
      {R"x({"pattern": "^(?!\\.)(?!.*\\.\\.)[a-z.]+@b$", "maxLength": 6})x",
       {"\"a.b@b\""},
       {"\".a@b\"", "\"a..b@b\"", "\"abcdefg@b\""}},
      {R"x({"pattern": "^(?!a|b)"})x", {"\"c\"", "\"\""}, {"\"a\"", "\"bc\""}},
      {R"x({"enum": ["ab", "cd"], "pattern": "^(?!a)"})x", {"\"cd\""}, {"\"ab\""}},
      {R"x({"pattern": "^(?!x)Z\u00fcrich$"})x", {"\"Z\xC3\xBCrich\""}, {"\"Zurich\""}},
      {R"x({"pattern": "^(?!\\s*$)[\\s\\S]+$"})x",
       {"\"Z\xC3\xBCrich\"", R"("a\nb")"},
       {"\"\"", R"(" \n")", "\"\xC2\xA0\""}},
      {R"x({"type": "string", "not": {"pattern": "^\\w*$"}})x",
       {"\"a \xC3\xBC\"", "\"\xC2\xA7\""},
       {"\"a\"", "\"\xC3\xBC\"", R"("a\n")"}},
      {R"x({"type": "string", "not": {"pattern": "^.$"}})x",
       {"\"\"", "\"\xC3\xBC\xC3\xBC\"", R"("\n")"},
       {"\"\xC3\xBC\"", R"("\r")", R"("a\n")"}},
      {R"x({"type": "string", "not": {"pattern": "^[^\\d]$"}})x",
       {"\"1\"", "\"ab\""},
       {"\"a\"", "\"\xD9\xA0\""}},
  };
  ExpectCases(cases);
  for (const char* pattern :
       {"^(?!a)b|c", "a(?=b)", "(?!a)b", "^(?!a)+b", "^(?<!a)b", "^(?!(?=a))b"}) {
    ExpectRefused(std::string(R"({"pattern": ")") + pattern + "\"}", "keyword \"pattern\" has a ");
  }
}

}  // namespace
}  // namespace octet
