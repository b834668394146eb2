#include "runtime/structured/constraint.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <vector>

#include "runtime/io/strict_json.h"
#include "runtime/structured/json_grammar.h"
#include "runtime/structured/json_schema.h"
#include "runtime/structured/regex.h"

namespace octet {
namespace {

constexpr size_t kMostSchemaBytes = size_t{1} << 20;

Grammar::Node AddChoices(const AnswerConstraint& constraint, Grammar& grammar) {
  std::vector<Grammar::Node> texts;
  for (const std::string& text : constraint.choice().text()) texts.push_back(grammar.Text(text));
  return grammar.Choice(texts);
}

absl::StatusOr<Grammar::Node> AddConstraint(const AnswerConstraint& constraint, Grammar& grammar) {
  switch (constraint.kind_case()) {
    case AnswerConstraint::kChoice:
      return AddChoices(constraint, grammar);
    case AnswerConstraint::kRegex: {
      const RegexUse use = {
          .write = [&](const CodePoints& set) { return grammar.Characters(set); }};
      return AddRegex(constraint.regex(), use, grammar);
    }
    case AnswerConstraint::kJsonSchema: {
      if (constraint.json_schema().size() > kMostSchemaBytes) {
        return absl::InvalidArgumentError(
            absl::StrCat("has more than ", kMostSchemaBytes, " bytes"));
      }
      const absl::StatusOr<Schema> schema =
          ParseOrderedJson(constraint.json_schema(), "the schema");
      if (!schema.ok()) return schema.status();
      const SchemaUse use = {
          .is_compact = constraint.is_compact(),
          .has_additional_properties = !constraint.without_additional_properties()};
      return AddJsonSchema(*schema, use, grammar);
    }
    case AnswerConstraint::kJsonObject:
      return JsonGrammar(constraint.is_compact(), grammar).Object();
    case AnswerConstraint::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("has no constraint");
}

}  // namespace

absl::StatusOr<Grammar> MakeGrammar(const AnswerConstraint& constraint) {
  Grammar grammar;
  const absl::StatusOr<Grammar::Node> root = AddConstraint(constraint, grammar);
  if (!root.ok()) return root.status();
  if (grammar.too_large()) return absl::InvalidArgumentError("is too large");
  grammar.Finish(*root);
  if (!grammar.has_texts()) return absl::InvalidArgumentError("allows no answer at all");
  return grammar;
}

}  // namespace octet
