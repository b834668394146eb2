// The keywords of JSON Schema that are understood.

#ifndef OCTET_RUNTIME_STRUCTURED_SCHEMA_KEYWORDS_H_
#define OCTET_RUNTIME_STRUCTURED_SCHEMA_KEYWORDS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace octet {

// A schema, or a part of one. It keeps the order of an object's members.
using Schema = nlohmann::ordered_json;

// Keywords of plain schemas alone, for what "not" asks for: lists of the values, and of the
// expressions, that must not be.
inline constexpr char kNotEnum[] = "notEnum";
inline constexpr char kNotPattern[] = "notPattern";

// The type, in plain schemas alone, of numbers that are no integers.
inline constexpr char kFraction[] = "fraction";

// The types of values, as a set. An integer is a number, too.
enum SchemaType : unsigned {
  kSchemaNull = 1,
  kSchemaBoolean = 2,
  kSchemaString = 4,
  kSchemaInteger = 8,
  kSchemaNumber = 16,
  kSchemaArray = 32,
  kSchemaObject = 64,
  kSchemaAnyType = 127,
};

// The most members, names or values of a keyword.
inline constexpr size_t kMostOfKeyword = 2000;

// The greatest "multipleOf".
inline constexpr int64_t kMostDivisor = 1000;

absl::Status UnsupportedKeyword(std::string_view keyword, std::string_view where = "");
absl::Status InvalidKeyword(std::string_view keyword, std::string_view rule);

// Checks an object's own keywords, their kinds of values and what they ask for, and returns it with
// one form for each meaning: without annotations; "type", "pattern" and "format" as lists, of which
// a text must obey all; "const" as "enum"; "additionalItems", lists of "items" and "dependencies"
// in their newer form. Sub-schemas stay as they are.
absl::StatusOr<Schema> NormalizeKeywords(const Schema& schema);

// Returns the types that a normalized schema allows.
unsigned TypesOf(const Schema& schema);

// Returns the types that answers to it have. Where it names none, those that its other keywords are
// about.
unsigned AnswerTypesOf(const Schema& schema);

SchemaType TypeOfValue(const Schema& value);

// Returns whether the list has the value. The order of an object's members means nothing.
bool ListHasValue(const Schema& list, const Schema& value);

// Returns the names of types as a list for "type".
Schema NamesOfTypes(unsigned types);

// Returns the member, or null if there is none.
const Schema* FindKeyword(const Schema& schema, std::string_view keyword);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_SCHEMA_KEYWORDS_H_
