#include "runtime/structured/schema_combination.h"

namespace octet {
namespace {

// Returns a list for "anyOf": either the object has no such member, or `then` holds.
Schema WhereItHas(const std::string& name, const Schema& then) {
  Schema without = Schema::object();
  without["properties"][name] = false;
  Schema with = Schema::object();
  with["required"] = Schema::array({name});
  with["allOf"] = Schema::array({then});
  return Schema::array({without, with});
}

}  // namespace

std::vector<std::pair<std::string, Schema>> TakeCombined(Schema& own) {
  std::vector<std::pair<std::string, Schema>> combined;
  const auto take = [&own](const char* keyword) {
    Schema value = own.contains(keyword) ? own[keyword] : Schema();
    own.erase(keyword);
    return value;
  };
  for (const char* keyword : {"$ref", "allOf", "anyOf", "oneOf", "not"}) {
    if (own.contains(keyword)) combined.emplace_back(keyword, take(keyword));
  }
  Schema condition = Schema::object();
  for (const char* keyword : {"if", "then", "else"}) {
    if (own.contains(keyword)) condition[keyword] = take(keyword);
  }
  if (condition.contains("if") && condition.size() > 1) combined.emplace_back("if", condition);
  const Schema names = take("dependentRequired");
  for (auto member = names.begin(); member != names.end(); ++member) {
    Schema then = Schema::object();
    then["required"] = *member;
    combined.emplace_back("anyOf", WhereItHas(member.key(), then));
  }
  const Schema schemas = take("dependentSchemas");
  for (auto member = schemas.begin(); member != schemas.end(); ++member) {
    combined.emplace_back("anyOf", WhereItHas(member.key(), *member));
  }
  return combined;
}

Schema TakeUnevaluated(Schema& own) {
  Schema taken = Schema::object();
  for (const char* keyword : {"unevaluatedProperties", "unevaluatedItems"}) {
    if (!own.contains(keyword)) continue;
    if (own[keyword] != true) taken[keyword] = own[keyword];
    own.erase(keyword);
  }
  return taken;
}

void UseUnevaluated(const Schema& taken, std::vector<Schema>& alternatives) {
  for (auto member = taken.begin(); member != taken.end(); ++member) {
    const char* rest = member.key() == "unevaluatedItems" ? "items" : "additionalProperties";
    for (Schema& alternative : alternatives) {
      if (!alternative.contains(rest)) alternative[rest] = *member;
    }
  }
}

}  // namespace octet
