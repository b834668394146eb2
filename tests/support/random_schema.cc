#include "tests/support/random_schema.h"

#include <algorithm>

namespace octet {

using Json = nlohmann::ordered_json;

Json RandomSchema::Make() {
  Json schema = OneIn(2) ? Object(3) : Schema(3);
  if (!schema.is_object()) schema = Json::object();
  schema["$defs"] = {{"leaf", Leaf()},
                     {"node",
                      {{"type", "object"},
                       {"properties", {{"v", Leaf()}, {"next", {{"$ref", "#/$defs/node"}}}}},
                       {"required", {"v"}}}},
                     {"tree", {{"type", "array"}, {"items", {{"$ref", "#/$defs/tree"}}}}}};
  return schema;
}

Json RandomSchema::Schema(int depth) {
  if (depth == 0) return Leaf();
  switch (Below(9)) {
    case 0:
    case 1:
      return Object(depth - 1);
    case 8:
      return Conditional(depth - 1);
    case 2:
      return Array(depth - 1);
    case 3:
      return Combined(depth - 1);
    case 4:
      return {
          {"$ref", std::string("#/$defs/") + (const char*[]){"leaf", "node", "tree"}[Below(3)]}};
    default:
      return Leaf();
  }
}

Json RandomSchema::Leaf() {
  switch (Below(11)) {
    case 9:
      return Filtered();
    case 10:
      return Without();
    case 0:
      return {{"type", "boolean"}, {"title", "a switch"}};
    case 1:
      return {{"type", Json::array({"null", "integer"})}};
    case 2:
      return {{"enum",
               Json::array({"red", 2, nullptr, "\xC3\xA9\"\n", 1.5, Json::object({{"a", 1}})})}};
    case 3:
      return {{"const", Name()}};
    case 4:
    case 5:
      return Number();
    case 6:
      return OneIn(2) ? Json(true) : Json::object();
    default:
      return String();
  }
}

// What must not be.
Json RandomSchema::Without() {
  switch (Below(6)) {
    case 0:
      return {{"type", "string"}, {"maxLength", 4}, {"not", {{"enum", {Name(), "b", "1"}}}}};
    case 1:
      return {{"type", OneIn(2) ? "integer" : "number"},
              {"minimum", -2},
              {"not", OneIn(2) ? Json{{"enum", {0, 1, 2.5}}} : Json{{"maximum", 3.5}}}};
    case 2:
      return {{"type", "string"},
              {"pattern", OneIn(2) ? "^(?![0-9])[a-z0-9]{1,3}$" : "^(?=[a-z]*x)[a-z]{2,4}$"}};
    case 3:
      return {{"oneOf", Json::array({{{"const", 2}}, {{"not", {{"type", "integer"}}}}})}};
    case 4:
      return {{OneIn(2) ? "minimum" : "multipleOf", 2},
              {"enum", {2.5, 2, "a"}},
              {"not", {{"type", "integer"}}}};
    default:
      return {{"not", {{"type", Json::array({"object", "array", "string"})}}}};
  }
}

// What names of members may be.
Json RandomSchema::Names() {
  switch (Below(4)) {
    case 0:
      return {{"enum", {"a", "ab", "extra", "id"}}};
    case 1:
      return {{"maxLength", 4}};
    case 2:
      return {{"pattern", "^[a-z]*$"}};
    default:
      return {{"anyOf", Json::array({{{"const", "a"}}, {{"pattern", "^\\w{2,5}$"}}})}};
  }
}

Json RandomSchema::Conditional(int depth) {
  const Json properties = {
      {"kind", {{"enum", {"x", "y", "z"}}}}, {"value", Schema(depth)}, {"other", Leaf()}};
  Json schema = {{"type", "object"}, {"properties", properties}};
  const Json is_x = {{"properties", {{"kind", {{"const", "x"}}}}}};
  switch (Below(4)) {
    case 0:
      schema["if"] = is_x;
      schema["then"] = {{"required", {"value"}}};
      if (OneIn(2)) schema["else"] = {{"properties", {{"value", false}}}};
      break;
    case 1:
      schema["dependentRequired"] = {{"value", {"kind", "other"}}, {"other", {"kind"}}};
      break;
    case 2:
      schema["dependentSchemas"] = {{"value", is_x}};
      break;
    default:
      schema["unevaluatedProperties"] = false;
      schema["anyOf"] = Json::array(
          {{{"properties", {{"id", Leaf()}}}, {"required", {"id"}}}, {{"required", {"kind"}}}});
  }
  return schema;
}

// A list of values, not all of which the other keywords allow.
Json RandomSchema::Filtered() {
  Json schema = {{"enum", {1, 6, 7.5, "a", "abc", "12", Json::array({1, 1}), Json::array({2})}}};
  if (OneIn(2)) schema["minimum"] = Below(7);
  if (OneIn(3)) schema["multipleOf"] = 1 + Below(3);
  if (OneIn(2)) schema["maxLength"] = 1 + Below(3);
  if (OneIn(3)) schema["pattern"] = "^[a-z]";
  if (OneIn(2)) schema["uniqueItems"] = true;
  if (OneIn(3)) schema["items"] = {{"type", "integer"}, {"minimum", 2}};
  return schema;
}

Json RandomSchema::String() {
  Json schema = {{"type", "string"}};
  switch (Below(5)) {
    case 3:
      return {{"type", "string"}, {"format", (const char*[]){"date", "ipv4", "uuid"}[Below(3)]}};
    case 4: {
      constexpr const char* kPatterns[] = {"^[a-z]+$", "[0-9]", "x.*y", "^\\w"};
      schema["pattern"] = kPatterns[Below(std::size(kPatterns))];
      schema["minLength"] = Below(5);
      if (OneIn(2)) schema["maxLength"] = 5 + Below(10);
      break;
    }
    case 0: {
      constexpr const char* kPatterns[] = {"^[a-z]{1,8}$", "[0-9]+",       "^(foo|bar)",
                                           "x|y$",         "^[^\"\\\\]*$", "^\\w+ \\w+$"};
      schema["pattern"] = kPatterns[Below(std::size(kPatterns))];
      break;
    }
    case 1: {
      const int least = Below(4);
      if (OneIn(2)) schema["minLength"] = least;
      schema["maxLength"] = least + Below(10);
      break;
    }
    default:
      break;
  }
  return schema;
}

Json RandomSchema::Number() {
  Json schema = {{"type", OneIn(2) ? "integer" : "number"}};
  const int least = Below(2000) - 1000;
  if (OneIn(2)) schema[OneIn(2) ? "minimum" : "exclusiveMinimum"] = least;
  if (OneIn(2)) schema[OneIn(2) ? "maximum" : "exclusiveMaximum"] = least + 2 + Below(500);
  if (OneIn(5)) schema["minimum"] = least + 0.125;
  if (OneIn(4)) schema["multipleOf"] = 1 + Below(OneIn(2) ? 3 : 40);
  return schema;
}

std::string RandomSchema::Name() {
  constexpr const char* kNames[] = {"a",   "ab",  "b", "name", "\xC3\xA9t\xC3\xA9",
                                    "x y", "q\"", "",  "id"};
  return kNames[Below(std::size(kNames))];
}

Json RandomSchema::Object(int depth) {
  Json schema = {{"type", "object"}};
  Json properties = Json::object();
  for (int left = Below(5); left > 0; --left) properties[Name()] = Schema(depth);
  Json required = Json::array();
  for (auto member = properties.begin(); member != properties.end(); ++member) {
    if (OneIn(2)) required.push_back(member.key());
  }
  if (!properties.empty()) schema["properties"] = properties;
  if (OneIn(8)) required.push_back("extra");
  if (OneIn(2) && !required.empty()) schema["required"] = required;
  if (OneIn(3))
    schema["additionalProperties"] = OneIn(2) && required.empty() ? Json(false) : Leaf();
  if (OneIn(4)) {
    schema["patternProperties"]["^a"] = Leaf();
    if (OneIn(2)) schema["patternProperties"]["[0-9]$"] = Json{{"type", "integer"}};
  }
  if (OneIn(6) && !schema.contains("required")) schema["propertyNames"] = Names();
  const int num_members = static_cast<int>(properties.size());
  if (OneIn(4)) schema["minProperties"] = std::min(num_members, 1 + Below(3));
  if (OneIn(4)) schema["maxProperties"] = std::max(num_members, 1 + Below(3));
  return schema;
}

Json RandomSchema::Array(int depth) {
  Json schema = {{"type", "array"}};
  if (OneIn(5)) {
    schema["items"] = {{"enum", {"a", 1, nullptr, 1.0, "b", "c"}}};
    schema["uniqueItems"] = true;
    if (OneIn(2)) schema["minItems"] = Below(5);
    if (OneIn(2)) schema["maxItems"] = 5;
    return schema;
  }
  const int num_first = OneIn(3) ? 1 + Below(3) : 0;
  for (int i = 0; i < num_first; ++i) schema["prefixItems"].push_back(Schema(depth));
  if (OneIn(2)) schema["items"] = Schema(depth);
  const int least = Below(3);
  if (OneIn(2)) schema["minItems"] = least;
  if (OneIn(2)) schema["maxItems"] = least + Below(4);
  return schema;
}

Json RandomSchema::Combined(int depth) {
  switch (Below(3)) {
    case 0:
      return {{"anyOf", Json::array({Schema(depth), Schema(depth), Leaf()})}};
    case 1: {
      const auto kind = [](const char* name) -> Json { return {{"const", name}}; };
      return {
          {"oneOf", Json::array({{{"type", "object"},
                                  {"properties", {{"kind", kind("x")}, {"value", Schema(depth)}}},
                                  {"required", {"kind"}}},
                                 {{"type", "object"},
                                  {"properties", {{"kind", kind("y")}, {"other", Schema(depth)}}},
                                  {"required", {"kind"}}},
                                 {{"type", "string"}, {"maxLength", 3}}})}};
    }
    default:
      return {{"type", "object"},
              {"properties", {{"a", {{"type", "integer"}}}, {"b", Leaf()}}},
              {"allOf", Json::array({{{"properties", {{"a", {{"minimum", Below(5)}}}}}},
                                     {{"required", {"a"}}}})}};
  }
}

}  // namespace octet
