#include "runtime/structured/schema_merge.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

namespace octet {
namespace {

Schema Both(const Schema& a, const Schema& b) {
  if (a == b || b == true) return a;
  if (a == true) return b;
  if (a == false || b == false) return false;
  return Schema{{"allOf", Schema::array({a, b})}};
}

// Returns the sub-schema, or `true` if there is none.
Schema SubSchema(const Schema& schema, const char* keyword) {
  const Schema* found = FindKeyword(schema, keyword);
  return found == nullptr ? Schema(true) : *found;
}

// The members of a "properties", by name: to find one among 2000 in order takes its time.
using PropertyIndex = absl::flat_hash_map<std::string_view, const Schema*>;

PropertyIndex IndexOf(const Schema& schema) {
  PropertyIndex index;
  const Schema* properties = FindKeyword(schema, "properties");
  if (properties == nullptr) return index;
  for (auto member = properties->begin(); member != properties->end(); ++member) {
    index.emplace(member.key(), &*member);
  }
  return index;
}

void MergeProperties(const Schema& a, const Schema& b, Schema& merged) {
  const PropertyIndex of_a = IndexOf(a);
  const PropertyIndex of_b = IndexOf(b);
  const auto property = [](const PropertyIndex& index, const std::string& name,
                           const Schema& rest) {
    const auto found = index.find(name);
    return found == index.end() ? rest : *found->second;
  };
  const Schema rest_of_a = SubSchema(a, "additionalProperties");
  const Schema rest_of_b = SubSchema(b, "additionalProperties");
  Schema::object_t properties;
  for (const Schema* source : {&a, &b}) {
    const Schema* own = FindKeyword(*source, "properties");
    if (own == nullptr) continue;
    for (auto member = own->begin(); member != own->end(); ++member) {
      const std::string& name = member.key();
      if (source == &b && of_a.contains(name)) continue;
      properties.emplace_back(
          name, Both(property(of_a, name, rest_of_a), property(of_b, name, rest_of_b)));
    }
  }
  if (!properties.empty()) merged["properties"] = std::move(properties);
  if (a.contains("additionalProperties") || b.contains("additionalProperties")) {
    merged["additionalProperties"] = Both(rest_of_a, rest_of_b);
  }
}

Schema ElementOf(const Schema& schema, size_t index) {
  const Schema* first = FindKeyword(schema, "prefixItems");
  if (first != nullptr && index < first->size()) return (*first)[index];
  return SubSchema(schema, "items");
}

void MergeItems(const Schema& a, const Schema& b, Schema& merged) {
  size_t size = 0;
  for (const Schema* source : {&a, &b}) {
    const Schema* first = FindKeyword(*source, "prefixItems");
    if (first != nullptr) size = std::max(size, first->size());
  }
  Schema elements = Schema::array();
  for (size_t i = 0; i < size; ++i) elements.push_back(Both(ElementOf(a, i), ElementOf(b, i)));
  if (size > 0) merged["prefixItems"] = std::move(elements);
  if (a.contains("items") || b.contains("items")) {
    merged["items"] = Both(SubSchema(a, "items"), SubSchema(b, "items"));
  }
}

Schema IntersectTypes(const Schema& a, const Schema& b) {
  return NamesOfTypes(TypesOf(Schema{{"type", a}}) & TypesOf(Schema{{"type", b}}));
}

Schema IntersectLists(const Schema& a, const Schema& b) {
  Schema values = Schema::array();
  std::copy_if(a.begin(), a.end(), std::back_inserter(values),
               [&](const Schema& value) { return ListHasValue(b, value); });
  return values;
}

Schema JoinLists(const Schema& a, const Schema& b) {
  absl::flat_hash_set<std::string> known;
  for (const Schema& part : a) known.insert(part.dump());
  Schema parts = a;
  for (const Schema& part : b) {
    if (!known.contains(part.dump())) parts.push_back(part);
  }
  return parts;
}

absl::StatusOr<Schema> CommonMultiple(const Schema& a, const Schema& b) {
  const int64_t multiple = std::lcm(a.get<int64_t>(), b.get<int64_t>());
  if (multiple <= kMostDivisor) return Schema(multiple);
  return UnsupportedKeyword("multipleOf", " with two values, of schemas that must both hold,");
}

// Returns whether all parts of the keyword's list must hold.
bool IsListOfDemands(const std::string& keyword) {
  return keyword == "required" || keyword == "pattern" || keyword == "format" ||
         keyword == kNotEnum || keyword == kNotPattern;
}

bool IsLowerBound(const std::string& keyword) {
  return keyword.starts_with("min") || keyword == "exclusiveMinimum";
}

bool IsUpperBound(const std::string& keyword) {
  return keyword.starts_with("max") || keyword == "exclusiveMaximum";
}

absl::StatusOr<Schema> MergeKeyword(const std::string& keyword, const Schema& a, const Schema& b) {
  if (keyword == "type") return IntersectTypes(a, b);
  if (keyword == "enum") return IntersectLists(a, b);
  if (IsListOfDemands(keyword)) return JoinLists(a, b);
  if (keyword == "propertyNames") return Both(a, b);
  if (keyword == "multipleOf") return CommonMultiple(a, b);
  if (keyword == "uniqueItems") return Schema(a == true || b == true);
  if (IsLowerBound(keyword)) return std::max(a, b);
  if (IsUpperBound(keyword)) return std::min(a, b);
  if (a == b) return a;
  return UnsupportedKeyword(keyword, " with two values, of schemas that must both hold,");
}

bool IsMergedElsewhere(const std::string& keyword) {
  return keyword == "properties" || keyword == "additionalProperties" || keyword == "items" ||
         keyword == "prefixItems";
}

// Returns whether MergeProperties gives the members that both allow. Where a schema has patterns,
// nobody knows here which of the other's members its "additionalProperties" is about.
bool AreMembersMergeable(const Schema& patterned, const Schema& other) {
  if (other.contains("patternProperties") || other.contains("additionalProperties")) return false;
  const Schema* others = FindKeyword(other, "properties");
  if (others == nullptr || !patterned.contains("additionalProperties")) return true;
  const PropertyIndex own = IndexOf(patterned);
  for (auto member = others->begin(); member != others->end(); ++member) {
    if (*member != false && !own.contains(member.key())) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<Schema> MergeSchemas(const Schema& a, const Schema& b) {
  const bool are_mergeable = a.contains("patternProperties")   ? AreMembersMergeable(a, b)
                             : b.contains("patternProperties") ? AreMembersMergeable(b, a)
                                                               : true;
  if (!are_mergeable) {
    return UnsupportedKeyword("patternProperties", " of schemas that must both hold");
  }
  Schema merged = Schema::object();
  for (const Schema* source : {&a, &b}) {
    for (auto member = source->begin(); member != source->end(); ++member) {
      const std::string& keyword = member.key();
      if (IsMergedElsewhere(keyword) || merged.contains(keyword)) continue;
      const Schema* other = FindKeyword(source == &a ? b : a, keyword);
      if (other == nullptr) {
        merged[keyword] = *member;
        continue;
      }
      absl::StatusOr<Schema> both = MergeKeyword(keyword, *member, *other);
      if (!both.ok()) return both.status();
      merged[keyword] = *std::move(both);
    }
  }
  MergeProperties(a, b, merged);
  MergeItems(a, b, merged);
  for (const char* keyword : {"properties", "required"}) {
    const Schema* both = FindKeyword(merged, keyword);
    if (both == nullptr || both->size() <= kMostOfKeyword) continue;
    return InvalidKeyword(keyword, absl::StrCat("has more than ", kMostOfKeyword, " parts"));
  }
  return merged;
}

}  // namespace octet
