#include "tests/support/random_schema.h"

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
  switch (Below(8)) {
    case 0:
    case 1:
      return Object(depth - 1);
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
  switch (Below(9)) {
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

Json RandomSchema::String() {
  Json schema = {{"type", "string"}};
  switch (Below(3)) {
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
  return schema;
}

Json RandomSchema::Array(int depth) {
  Json schema = {{"type", "array"}};
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
