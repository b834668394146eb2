#include "tests/support/schema_validator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <regex>
#include <string>

namespace octet {
namespace {

using OrderedJson = nlohmann::ordered_json;

bool IsOfType(const OrderedJson& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "number") return value.is_number();
  if (!value.is_number()) return false;
  return value.is_number_integer() || value.get<double>() == std::floor(value.get<double>());
}

// The order of members means nothing.
bool AreEqual(const OrderedJson& a, const OrderedJson& b) {
  return nlohmann::json(a) == nlohmann::json(b);
}

bool HasFormat(const std::string& text, const std::string& format) {
  std::smatch parts;
  if (format == "date") {
    if (!std::regex_match(text, parts, std::regex("(\\d{4})-(\\d\\d)-(\\d\\d)"))) return false;
    const auto number = [&parts](int i) { return static_cast<unsigned>(std::stoi(parts[i])); };
    return std::chrono::year_month_day(std::chrono::year(static_cast<int>(number(1))),
                                       std::chrono::month(number(2)), std::chrono::day(number(3)))
        .ok();
  }
  if (format == "ipv4") {
    if (!std::regex_match(text, parts, std::regex("(\\d+)\\.(\\d+)\\.(\\d+)\\.(\\d+)")))
      return false;
    return std::all_of(parts.begin() + 1, parts.end(), [](const std::string& part) {
      return part.size() < 4 && std::stoi(part) < 256 && part == std::to_string(std::stoi(part));
    });
  }
  if (format == "uuid") {
    return std::regex_match(text, std::regex("[\\da-f]{8}(-[\\da-f]{4}){3}-[\\da-f]{12}"));
  }
  return false;
}

size_t CountCodePoints(const std::string& utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

class SchemaValidator {
 public:
  explicit SchemaValidator(const OrderedJson& root) : root_(root) {}

  bool Check(const OrderedJson& value, const OrderedJson& schema) const {
    if (schema.is_boolean()) return schema.get<bool>();
    return CheckAny(value, schema) && CheckCombined(value, schema) &&
           (!value.is_string() || CheckString(value, schema)) &&
           (!value.is_number() || CheckNumber(value, schema)) &&
           (!value.is_array() || CheckArray(value, schema)) &&
           (!value.is_object() || CheckObject(value, schema));
  }

 private:
  static bool CheckAny(const OrderedJson& value, const OrderedJson& schema) {
    if (schema.contains("const") && !AreEqual(value, schema["const"])) return false;
    if (schema.contains("enum")) {
      const OrderedJson& list = schema["enum"];
      const bool has_value = std::any_of(list.begin(), list.end(), [&](const OrderedJson& other) {
        return AreEqual(value, other);
      });
      if (!has_value) return false;
    }
    if (!schema.contains("type")) return true;
    const OrderedJson& type = schema["type"];
    if (type.is_string()) return IsOfType(value, type);
    return std::any_of(type.begin(), type.end(),
                       [&](const OrderedJson& name) { return IsOfType(value, name); });
  }

  bool CheckCombined(const OrderedJson& value, const OrderedJson& schema) const {
    const auto count = [&](const char* keyword) {
      const OrderedJson& list = schema[keyword];
      return static_cast<size_t>(std::count_if(
          list.begin(), list.end(), [&](const OrderedJson& part) { return Check(value, part); }));
    };
    if (schema.contains("allOf") && count("allOf") != schema["allOf"].size()) return false;
    if (schema.contains("anyOf") && count("anyOf") == 0) return false;
    if (schema.contains("oneOf") && count("oneOf") != 1) return false;
    if (schema.contains("not") && Check(value, schema["not"])) return false;
    if (schema.contains("if")) {
      const char* branch = Check(value, schema["if"]) ? "then" : "else";
      if (schema.contains(branch) && !Check(value, schema[branch])) return false;
    }
    return !schema.contains("$ref") || Check(value, TargetOf(schema));
  }

  const OrderedJson& TargetOf(const OrderedJson& schema) const {
    const std::string pointer = schema["$ref"].get<std::string>().substr(1);
    return root_.at(OrderedJson::json_pointer(pointer));
  }

  static bool CheckString(const OrderedJson& value, const OrderedJson& schema) {
    const auto& text = value.get_ref<const std::string&>();
    const size_t size = CountCodePoints(text);
    if (size < schema.value("minLength", size_t{0})) return false;
    if (schema.contains("maxLength") && size > schema["maxLength"].get<size_t>()) return false;
    if (schema.contains("format") && !HasFormat(text, schema["format"])) return false;
    return !schema.contains("pattern") ||
           std::regex_search(text, std::regex(schema["pattern"].get<std::string>()));
  }

  static bool CheckNumber(const OrderedJson& value, const OrderedJson& schema) {
    return (!schema.contains("minimum") || value >= schema["minimum"]) &&
           (!schema.contains("maximum") || value <= schema["maximum"]) &&
           (!schema.contains("exclusiveMinimum") || value > schema["exclusiveMinimum"]) &&
           (!schema.contains("exclusiveMaximum") || value < schema["exclusiveMaximum"]) &&
           (!schema.contains("multipleOf") ||
            std::fmod(value.get<double>(), schema["multipleOf"].get<double>()) == 0);
  }

  bool CheckArray(const OrderedJson& value, const OrderedJson& schema) const {
    if (value.size() < schema.value("minItems", size_t{0})) return false;
    if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<size_t>())
      return false;
    for (size_t i = 0; schema.value("uniqueItems", false) && i < value.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (AreEqual(value[i], value[j])) return false;
      }
    }
    const size_t num_first = schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
    for (size_t i = 0; i < value.size(); ++i) {
      if (i < num_first && !Check(value[i], schema["prefixItems"][i])) return false;
      if (i >= num_first && schema.contains("items") && !Check(value[i], schema["items"])) {
        return false;
      }
    }
    return true;
  }

  bool CheckObject(const OrderedJson& value, const OrderedJson& schema) const {
    if (value.size() < schema.value("minProperties", size_t{0})) return false;
    if (value.size() > schema.value("maxProperties", value.size())) return false;
    for (const OrderedJson& name : schema.value("required", OrderedJson::array())) {
      if (!value.contains(name.get<std::string>())) return false;
    }
    for (auto member = value.begin(); member != value.end(); ++member) {
      if (!CheckMember(member.key(), *member, schema)) return false;
    }
    return CheckDependent(value, schema);
  }

  bool CheckDependent(const OrderedJson& value, const OrderedJson& schema) const {
    const OrderedJson names = schema.value("dependentRequired", OrderedJson::object());
    for (auto member = names.begin(); member != names.end(); ++member) {
      for (const OrderedJson& name : *member) {
        if (value.contains(member.key()) && !value.contains(name.get<std::string>())) return false;
      }
    }
    const OrderedJson schemas = schema.value("dependentSchemas", OrderedJson::object());
    for (auto member = schemas.begin(); member != schemas.end(); ++member) {
      if (value.contains(member.key()) && !Check(value, *member)) return false;
    }
    if (schema.value("unevaluatedProperties", true)) return true;
    for (auto member = value.begin(); member != value.end(); ++member) {
      if (!IsEvaluated(member.key(), value, schema)) return false;
    }
    return true;
  }

  // Returns whether a keyword beside "unevaluatedProperties" is about the member.
  bool IsEvaluated(const std::string& name, const OrderedJson& value,
                   const OrderedJson& schema) const {
    if (schema.is_boolean()) return false;
    if (schema.contains("additionalProperties")) return true;
    if (schema.contains("properties") && schema["properties"].contains(name)) return true;
    if (schema.contains("$ref") && IsEvaluated(name, value, TargetOf(schema))) return true;
    for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
      for (const OrderedJson& part : schema.value(keyword, OrderedJson::array())) {
        if (Check(value, part) && IsEvaluated(name, value, part)) return true;
      }
    }
    return false;
  }

  bool CheckMember(const std::string& name, const OrderedJson& value,
                   const OrderedJson& schema) const {
    if (schema.contains("propertyNames") && !Check(name, schema["propertyNames"])) return false;
    bool is_described = false;
    if (schema.contains("properties") && schema["properties"].contains(name)) {
      if (!Check(value, schema["properties"][name])) return false;
      is_described = true;
    }
    const OrderedJson patterns = schema.value("patternProperties", OrderedJson::object());
    for (auto pattern = patterns.begin(); pattern != patterns.end(); ++pattern) {
      if (!std::regex_search(name, std::regex(pattern.key()))) continue;
      if (!Check(value, *pattern)) return false;
      is_described = true;
    }
    return is_described || !schema.contains("additionalProperties") ||
           Check(value, schema["additionalProperties"]);
  }

  const OrderedJson& root_;
};

}  // namespace

bool IsValidBySchema(const OrderedJson& value, const OrderedJson& schema, const OrderedJson& root) {
  return SchemaValidator(root).Check(value, schema);
}

}  // namespace octet
