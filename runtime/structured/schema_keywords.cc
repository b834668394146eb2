#include "runtime/structured/schema_keywords.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// The most of a count, so that sums stay small.
constexpr int64_t kMostCount = 1'000'000'000;

bool IsBoolean(const Schema& value) { return value.is_boolean(); }
bool IsAnySchema(const Schema& value) { return value.is_object() || value.is_boolean(); }
bool IsSchemaText(const Schema& value) { return value.is_string(); }
bool IsSchemaNumber(const Schema& value) { return value.is_number(); }
bool IsCount(const Schema& value) {
  return value.is_number() && value >= 0 && value <= kMostCount &&
         value.get<double>() == std::floor(value.get<double>());
}
bool IsList(const Schema& value) { return value.is_array(); }
bool IsSchemaList(const Schema& value) {
  return value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), IsAnySchema);
}
bool IsSchemaOrList(const Schema& value) { return IsAnySchema(value) || IsSchemaList(value); }
bool IsTextList(const Schema& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), IsSchemaText);
}
bool IsSchemaMap(const Schema& value) {
  return value.is_object() && std::all_of(value.begin(), value.end(), IsAnySchema);
}
bool IsTextListMap(const Schema& value) {
  return value.is_object() && std::all_of(value.begin(), value.end(), IsTextList);
}
bool IsDependencyMap(const Schema& value) {
  return value.is_object() && std::all_of(value.begin(), value.end(), [](const Schema& part) {
           return IsTextList(part) || IsAnySchema(part);
         });
}
bool IsAnything(const Schema&) { return true; }
bool IsDivisor(const Schema& value) {
  return IsCount(value) && value >= 1 && value <= kMostDivisor;
}
bool IsTypes(const Schema& value);

struct Keyword {
  std::string_view name;
  bool (*accepts)(const Schema& value);
  const char* rule;   // after "must be"
  unsigned type = 0;  // that it is about
};

constexpr const char* kCountRule = "a whole number from 0 to 1000000000";
constexpr const char* kDivisorRule = "a whole number from 1 to 1000";
constexpr const char* kSchemaRule = "a schema";
constexpr const char* kSchemaListRule = "a list of schemas";

constexpr Keyword kKeywords[] = {
    {"type", IsTypes, "a type of JSON or a list of them"},
    {"enum", IsList, "a list"},
    {"const", IsAnything, ""},
    {"$ref", IsSchemaText, "a text"},
    {"allOf", IsSchemaList, kSchemaListRule},
    {"anyOf", IsSchemaList, kSchemaListRule},
    {"oneOf", IsSchemaList, kSchemaListRule},
    {"not", IsAnySchema, kSchemaRule},
    {"if", IsAnySchema, kSchemaRule},
    {"then", IsAnySchema, kSchemaRule},
    {"else", IsAnySchema, kSchemaRule},
    {"properties", IsSchemaMap, "an object of schemas", kSchemaObject},
    {"required", IsTextList, "a list of texts", kSchemaObject},
    {"additionalProperties", IsAnySchema, kSchemaRule, kSchemaObject},
    {"patternProperties", IsSchemaMap, "an object of schemas", kSchemaObject},
    {"propertyNames", IsAnySchema, kSchemaRule, kSchemaObject},
    {"dependentRequired", IsTextListMap, "an object of lists of texts", kSchemaObject},
    {"dependentSchemas", IsSchemaMap, "an object of schemas", kSchemaObject},
    {"dependencies", IsDependencyMap, "an object of schemas or lists of texts", kSchemaObject},
    {"unevaluatedProperties", IsAnySchema, kSchemaRule, kSchemaObject},
    {"minProperties", IsCount, kCountRule, kSchemaObject},
    {"maxProperties", IsCount, kCountRule, kSchemaObject},
    {"prefixItems", IsSchemaList, kSchemaListRule, kSchemaArray},
    {"items", IsSchemaOrList, kSchemaRule, kSchemaArray},
    {"additionalItems", IsAnySchema, kSchemaRule, kSchemaArray},
    {"unevaluatedItems", IsAnySchema, kSchemaRule, kSchemaArray},
    {"minItems", IsCount, kCountRule, kSchemaArray},
    {"maxItems", IsCount, kCountRule, kSchemaArray},
    {"uniqueItems", IsBoolean, "true or false", kSchemaArray},
    {"minLength", IsCount, kCountRule, kSchemaString},
    {"maxLength", IsCount, kCountRule, kSchemaString},
    {"pattern", IsSchemaText, "a text", kSchemaString},
    {"format", IsSchemaText, "a text", kSchemaString},
    {"minimum", IsSchemaNumber, "a number", kSchemaNumber},
    {"maximum", IsSchemaNumber, "a number", kSchemaNumber},
    {"exclusiveMinimum", IsSchemaNumber, "a number", kSchemaNumber},
    {"exclusiveMaximum", IsSchemaNumber, "a number", kSchemaNumber},
    {"multipleOf", IsDivisor, kDivisorRule, kSchemaNumber},
};

// Keywords on which no value's validity depends, and the places of definitions.
constexpr std::string_view kAnnotations[] = {
    "title",           "description",   "default",      "example",
    "examples",        "$schema",       "$id",          "id",
    "$comment",        "deprecated",    "readOnly",     "writeOnly",
    "$defs",           "definitions",   "$anchor",      "contentMediaType",
    "contentEncoding", "contentSchema", "discriminator"};

// Keywords that begin like this are extensions, such as OpenAPI's, without a meaning for validity.
constexpr std::string_view kExtension = "x-";

bool IsAnnotation(std::string_view name) {
  return name.starts_with(kExtension) || std::find(std::begin(kAnnotations), std::end(kAnnotations),
                                                   name) != std::end(kAnnotations);
}

struct TypeName {
  std::string_view name;
  unsigned types;
};

constexpr TypeName kTypeNames[] = {{"null", kSchemaNull},
                                   {"boolean", kSchemaBoolean},
                                   {"string", kSchemaString},
                                   {"integer", kSchemaInteger},
                                   {"number", kSchemaInteger | kSchemaNumber},
                                   {kFraction, kSchemaNumber},
                                   {"array", kSchemaArray},
                                   {"object", kSchemaObject}};

unsigned TypesOfName(const Schema& name) {
  for (const TypeName& type : kTypeNames) {
    if (name == std::string(type.name)) return type.types;
  }
  return 0;
}

bool IsTypes(const Schema& value) {
  const auto is_type = [](const Schema& name) {
    return name != kFraction && TypesOfName(name) != 0;
  };
  if (!value.is_array()) return is_type(value);
  return !value.empty() && std::all_of(value.begin(), value.end(), is_type);
}

const Keyword* FindKnownKeyword(const std::string& name) {
  const auto* found = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                   [&](const Keyword& keyword) { return keyword.name == name; });
  return found == std::end(kKeywords) ? nullptr : found;
}

void Rename(Schema& schema, const std::string& from, const std::string& to) {
  schema[to] = schema[from];
  schema.erase(from);
}

void UseNewForms(Schema& schema) {
  for (const char* keyword : {"type", "pattern", "format"}) {
    if (!schema.contains(keyword) || schema[keyword].is_array()) continue;
    schema[keyword] = Schema::array({schema[keyword]});
  }
  if (schema.contains("items") && schema["items"].is_array()) {
    Rename(schema, "items", "prefixItems");
    if (schema.contains("additionalItems")) Rename(schema, "additionalItems", "items");
  }
  schema.erase("additionalItems");  // without a list, it means nothing
  if (schema.contains("patternProperties") && schema["patternProperties"].empty()) {
    schema.erase("patternProperties");
  }
  if (!schema.contains("dependencies")) return;
  const Schema dependencies = schema["dependencies"];
  schema.erase("dependencies");
  for (auto member = dependencies.begin(); member != dependencies.end(); ++member) {
    const bool is_list = member->is_array();
    Schema& known = schema[is_list ? "dependentRequired" : "dependentSchemas"][member.key()];
    if (known.is_null()) {
      known = *member;
    } else if (is_list) {
      known.insert(known.end(), member->begin(), member->end());
    } else {
      known = Schema{{"allOf", Schema::array({known, *member})}};
    }
  }
}

// "const" beside "enum" allows the value only if the list has it.
void UseEnumForConst(Schema& schema) {
  if (!schema.contains("const")) return;
  Schema values = Schema::array({schema["const"]});
  if (schema.contains("enum") && !ListHasValue(schema["enum"], values[0])) values.clear();
  schema["enum"] = std::move(values);
  schema.erase("const");
}

}  // namespace

absl::Status UnsupportedKeyword(std::string_view keyword, std::string_view where) {
  return absl::UnimplementedError(absl::StrCat("keyword \"", Escaped(Shortened(keyword)), "\"",
                                               std::string(where), " is not supported"));
}

absl::Status InvalidKeyword(std::string_view keyword, std::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("keyword \"", Escaped(Shortened(keyword)), "\" ", std::string(rule)));
}

absl::StatusOr<Schema> NormalizeKeywords(const Schema& schema) {
  Schema normalized = Schema::object();
  for (auto member = schema.begin(); member != schema.end(); ++member) {
    const std::string& name = member.key();
    if (IsAnnotation(name)) continue;
    const Keyword* keyword = FindKnownKeyword(name);
    if (keyword == nullptr) return UnsupportedKeyword(name);
    if (!keyword->accepts(*member)) {
      return InvalidKeyword(name, absl::StrCat("must be ", keyword->rule));
    }
    if (member->is_structured() && name != "const" && member->size() > kMostOfKeyword) {
      return InvalidKeyword(name, absl::StrCat("has more than ", kMostOfKeyword, " parts"));
    }
    normalized[name] = *member;
  }
  UseNewForms(normalized);
  UseEnumForConst(normalized);
  return normalized;
}

unsigned TypesOf(const Schema& schema) {
  const Schema* names = FindKeyword(schema, "type");
  if (names == nullptr) return kSchemaAnyType;
  unsigned types = 0;
  for (const Schema& name : *names) types |= TypesOfName(name);
  return types;
}

unsigned AnswerTypesOf(const Schema& schema) {
  if (schema.contains("type")) return TypesOf(schema);
  if (const Schema* values = FindKeyword(schema, "enum")) {
    unsigned types = 0;
    for (const Schema& value : *values) types |= TypeOfValue(value);
    return types;
  }
  unsigned types = 0;
  for (auto member = schema.begin(); member != schema.end(); ++member) {
    const Keyword* keyword = FindKnownKeyword(member.key());
    if (keyword != nullptr) types |= keyword->type;
  }
  if ((types & kSchemaNumber) != 0) types |= kSchemaInteger;
  return types == 0 ? kSchemaAnyType : types;
}

Schema NamesOfTypes(unsigned types) {
  Schema names = Schema::array();
  for (const TypeName& type : kTypeNames) {
    constexpr unsigned kNumbers = kSchemaInteger | kSchemaNumber;
    const unsigned kind = (type.types & kNumbers) != 0 ? kNumbers : type.types;
    if ((types & kind) == type.types) names.push_back(std::string(type.name));
  }
  return names;
}

SchemaType TypeOfValue(const Schema& value) {
  if (value.is_null()) return kSchemaNull;
  if (value.is_boolean()) return kSchemaBoolean;
  if (value.is_string()) return kSchemaString;
  if (value.is_array()) return kSchemaArray;
  if (value.is_object()) return kSchemaObject;
  if (value.is_number_integer()) return kSchemaInteger;
  const auto number = value.get<double>();
  return number == std::floor(number) ? kSchemaInteger : kSchemaNumber;
}

bool ListHasValue(const Schema& list, const Schema& value) {
  return std::any_of(list.begin(), list.end(), [&value](const Schema& other) {
    if (!value.is_structured() || value.size() != other.size()) return other == value;
    return nlohmann::json(other) == nlohmann::json(value);
  });
}

const Schema* FindKeyword(const Schema& schema, std::string_view keyword) {
  const auto found = schema.find(std::string(keyword));
  return found == schema.end() ? nullptr : &*found;
}

}  // namespace octet
