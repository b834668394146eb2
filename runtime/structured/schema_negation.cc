#include "runtime/structured/schema_negation.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <optional>

namespace octet {
namespace {

// A bound, and what holds where it does not.
struct BoundNegation {
  const char* keyword;
  const char* type;
  const char* contrary;
  int change;  // of the number
};

constexpr BoundNegation kBoundNegations[] = {
    {"minimum", "number", "exclusiveMaximum", 0},
    {"maximum", "number", "exclusiveMinimum", 0},
    {"exclusiveMinimum", "number", "maximum", 0},
    {"exclusiveMaximum", "number", "minimum", 0},
    {"minLength", "string", "maxLength", -1},
    {"maxLength", "string", "minLength", 1},
    {"minItems", "array", "maxItems", -1},
    {"maxItems", "array", "minItems", 1},
    {"minProperties", "object", "maxProperties", -1},
    {"maxProperties", "object", "minProperties", 1},
};

Schema OfType(const char* type, const char* keyword, Schema value) {
  Schema schema = Schema::object();
  schema["type"] = Schema::array({type});
  schema[keyword] = std::move(value);
  return schema;
}

Schema Object(const std::string& name, Schema value) {
  Schema object = Schema::object();
  object[name] = std::move(value);
  return object;
}

// Returns schemas that contradict a keyword other than a bound, or nullopt if none are known to.
std::optional<std::vector<Schema>> ContraryOf(const std::string& keyword, const Schema& value) {
  std::vector<Schema> contrary;
  if (keyword == "type") {
    const unsigned types = kSchemaAnyType & ~TypesOf(Object("type", value));
    contrary.push_back(Object("type", NamesOfTypes(types)));
  } else if (keyword == "enum") {
    contrary.push_back(Object(kNotEnum, value));
  } else if (keyword == "pattern") {
    for (const Schema& regex : value) {
      contrary.push_back(OfType("string", kNotPattern, Schema::array({regex})));
    }
  } else if (keyword == "required") {
    for (const Schema& name : value) {
      contrary.push_back(OfType("object", "properties", Object(name.get<std::string>(), false)));
    }
  } else if (keyword == "properties") {
    for (auto member = value.begin(); member != value.end(); ++member) {
      Schema schema = OfType("object", "properties", Object(member.key(), Object("not", *member)));
      schema["required"] = Schema::array({member.key()});
      contrary.push_back(std::move(schema));
    }
  } else {
    return std::nullopt;
  }
  return contrary;
}

}  // namespace

absl::StatusOr<std::vector<Schema>> NegateSchema(const Schema& plain, const std::string& where) {
  std::vector<Schema> negated;
  for (auto member = plain.begin(); member != plain.end(); ++member) {
    const std::string& keyword = member.key();
    const auto* bound =
        std::find_if(std::begin(kBoundNegations), std::end(kBoundNegations),
                     [&](const BoundNegation& known) { return known.keyword == keyword; });
    if (bound != std::end(kBoundNegations)) {
      Schema limit = *member;
      if (bound->change != 0) limit = member->get<int64_t>() + bound->change;
      if (limit >= 0 || bound->change >= 0) {
        negated.push_back(OfType(bound->type, bound->contrary, limit));
      }
      continue;
    }
    std::optional<std::vector<Schema>> contrary = ContraryOf(keyword, *member);
    if (!contrary) return UnsupportedKeyword(keyword, absl::StrCat(" inside \"", where, "\""));
    std::move(contrary->begin(), contrary->end(), std::back_inserter(negated));
  }
  return negated;
}

}  // namespace octet
