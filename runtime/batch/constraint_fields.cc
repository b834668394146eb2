#include "runtime/batch/constraint_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "runtime/batch/constraint_checks.h"
#include "runtime/io/strict_json.h"
#include "runtime/structured/token_trie.h"

namespace octet {
namespace {

constexpr size_t kMostBadWords = 1000;
constexpr size_t kMostBadWordBytes = 4096;

// The constraint that was found so far, and its field.
struct FoundConstraint {
  std::optional<AnswerConstraint> constraint;
  std::string name;
};

// A place of constraints: the body itself, with older names, or an object in it.
class ConstraintReader {
 public:
  ConstraintReader(Fields& fields, std::string prefix, FoundConstraint& found)
      : fields_(fields), prefix_(std::move(prefix)), found_(found) {}

  void TakeChoice(const char* key) {
    const Json* texts = fields_.TakeArray(key);
    if (texts == nullptr) return;
    AnswerConstraint constraint;
    TextList& list = *constraint.mutable_choice();
    for (const Json& text : *texts) {
      if (!text.is_string()) return fields_.Fail(key, "must be a list of texts");
      list.add_text(text.get<std::string>());
    }
    if (texts->empty()) return fields_.Fail(key, "must not be empty");
    Use(key, std::move(constraint));
  }

  void TakeRegex(const char* key) {
    const std::optional<std::string> regex = fields_.TakeString(key);
    if (!regex) return;
    AnswerConstraint constraint;
    constraint.set_regex(*regex);
    Use(key, std::move(constraint));
  }

  // Takes a schema, or its text.
  void TakeSchema(const char* key) {
    const Json* schema = fields_.Take(key);
    if (schema == nullptr) return;
    AnswerConstraint constraint;
    constraint.set_json_schema(schema->is_string() ? schema->get<std::string>() : schema->dump());
    Use(key, std::move(constraint));
  }

  void TakeJsonObject(const char* key) {
    if (!fields_.TakeBool(key).value_or(false)) return;
    UseJsonObject(key);
  }

  void UseJsonObject(const char* key) {
    AnswerConstraint constraint;
    constraint.set_json_object(true);
    Use(key, std::move(constraint));
  }

 private:
  void Use(const char* key, AnswerConstraint constraint) {
    if (found_.constraint) {
      return fields_.Fail(key, absl::StrCat("and '", found_.name, "' are two constraints"));
    }
    found_.constraint = std::move(constraint);
    found_.name = absl::StrCat(prefix_, key);
  }

  Fields& fields_;
  std::string prefix_;
  FoundConstraint& found_;
};

// Reads vLLM's StructuredOutputsParams.
void TakeStructuredOutputs(Fields& body, FoundConstraint& found, AnswerConstraint& form) {
  constexpr char kPrefix[] = "structured_outputs.";
  const Json* object = body.TakeObject("structured_outputs");
  if (object == nullptr) return;
  Fields fields(*object, kPrefix, body.findings());
  ConstraintReader reader(fields, kPrefix, found);
  reader.TakeChoice("choice");
  reader.TakeRegex("regex");
  reader.TakeSchema("json");
  reader.TakeJsonObject("json_object");
  for (const char* key : {"grammar", "structural_tag", "whitespace_pattern"}) {
    if (fields.Take(key) != nullptr) fields.Refuse(key, "is not served by this version");
  }
  fields.TakeBool("disable_fallback");
  form.set_is_compact(fields.TakeBool("disable_any_whitespace").value_or(false));
  form.set_without_additional_properties(
      fields.TakeBool("disable_additional_properties").value_or(false));
  fields.RefuseRest();
}

void TakeResponseFormat(Fields& body, FoundConstraint& found) {
  const Json* object = body.TakeObject("response_format");
  if (object == nullptr) return;
  Fields format(*object, "response_format.", body.findings());
  const std::string type = format.TakeString("type").value_or("");
  if (type == "text") return;
  if (type == "json_object") {
    return ConstraintReader(format, "response_format.", found).UseJsonObject("type");
  }
  if (type == "structural_tag") {
    return format.Refuse("type", "'structural_tag' is not served by this version");
  }
  if (type != "json_schema") {
    return format.Refuse("type", "must be 'text', 'json_object' or 'json_schema'");
  }
  const Json* schema = format.TakeObject("json_schema");
  if (schema == nullptr) return format.FailMissing("json_schema");
  constexpr char kPrefix[] = "response_format.json_schema.";
  Fields fields(*schema, kPrefix, body.findings());
  for (const char* key : {"name", "description"}) fields.TakeString(key);
  fields.TakeBool("strict");
  if (!schema->contains("schema")) return fields.FailMissing("schema");
  ConstraintReader(fields, kPrefix, found).TakeSchema("schema");
  fields.RefuseRest();
}

void TakeGuidedFields(Fields& body, FoundConstraint& found, AnswerConstraint& form) {
  ConstraintReader reader(body, "", found);
  reader.TakeChoice("guided_choice");
  reader.TakeRegex("guided_regex");
  reader.TakeSchema("guided_json");
  reader.TakeJsonObject("guided_json_object");
  const auto is_set = [&body](const char* key) { return body.TakeBool(key).value_or(false); };
  if (is_set("guided_decoding_disable_any_whitespace")) form.set_is_compact(true);
  if (is_set("guided_decoding_disable_additional_properties")) {
    form.set_without_additional_properties(true);
  }
  if (found.constraint && body.Take("guided_whitespace_pattern") != nullptr) {
    body.Refuse("guided_whitespace_pattern", "is not served by this version");
  }
}

// Checks that every answer can be written and ended.
void CheckConstraint(const RequestLimits& limits, const SamplingParams& params,
                     const FoundConstraint& found, Fields& body) {
  if (limits.tokenizer == nullptr) {
    return body.Refuse(found.name, "can't be followed: the model has no tokenizer");
  }
  if (!HasTokenOfEachByte(*limits.tokenizer, limits.vocab_size)) {
    return body.Refuse(found.name, "can't be followed: the model has no token for some bytes");
  }
  if (!limits.has_end_token && params.stop_token_ids().empty()) {
    return body.Refuse(found.name,
                       "can't be followed: neither the model nor 'stop_token_ids' has a token that "
                       "ends an answer");
  }
  ConstraintChecks alone;
  ConstraintChecks& checks = limits.checks == nullptr ? alone : *limits.checks;
  const absl::Status status = checks.Check(*found.constraint);
  if (status.ok()) return;
  body.Fail(found.name, absl::StrCat("can't be followed: ", std::string(status.message())),
            absl::IsUnimplemented(status) ? "unsupported_value" : "invalid_value");
}

bool StartsAlike(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return !a.empty() && !b.empty() && a[0] == b[0];
}

// An answer has no tokens that the model does not know.
void AddBadWord(const std::vector<int32_t>& ids, int64_t vocab_size, SamplingParams& params) {
  if (ids.empty() || *std::max_element(ids.begin(), ids.end()) >= vocab_size) return;
  params.add_bad_words()->mutable_ids()->Add(ids.begin(), ids.end());
}

}  // namespace

void TakeConstraint(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  FoundConstraint found;
  AnswerConstraint form;
  TakeStructuredOutputs(body, found, form);
  TakeResponseFormat(body, found);
  TakeGuidedFields(body, found, form);
  if (!found.constraint || !body.ok()) return;
  found.constraint->set_is_compact(form.is_compact());
  found.constraint->set_without_additional_properties(form.without_additional_properties());
  CheckConstraint(limits, request.params, found, body);
  if (!request.params.allowed_token_ids().empty()) {
    body.Refuse("allowed_token_ids", absl::StrCat("can't be combined with '", found.name, "'"));
  }
  *request.params.mutable_constraint() = *std::move(found.constraint);
}

void TakeBadWords(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  const Json* words = body.TakeArray("bad_words");
  if (words == nullptr || words->empty()) return;
  if (limits.tokenizer == nullptr) {
    return body.Fail("bad_words", "can't be found: the model has no tokenizer");
  }
  if (words->size() > kMostBadWords) {
    return body.Fail("bad_words",
                     absl::StrCat("must not have more than ", kMostBadWords, " texts"));
  }
  for (size_t i = 0; i < words->size(); ++i) {
    const Json& word = (*words)[i];
    const std::string name = Element("bad_words", i);
    if (!word.is_string()) return body.Fail(name, "must be a text");
    std::string text = word.get<std::string>();
    text.erase(0, std::min(text.find_first_not_of(" \t\n\r\f\v"), text.size()));
    if (text.empty()) return body.Fail(name, "must be a text, and not an empty one");
    if (text.size() > kMostBadWordBytes) {
      return body.Fail(name, absl::StrCat("must not have more than ", kMostBadWordBytes, " bytes"));
    }
    const std::vector<int32_t> plain = limits.tokenizer->Encode(text);
    const std::vector<int32_t> spaced = limits.tokenizer->Encode(" " + text);
    for (const auto* ids : {&plain, &spaced}) {
      const bool is_same =
          ids == &spaced && (StartsAlike(plain, spaced) || plain.size() != spaced.size());
      if (!is_same) AddBadWord(*ids, limits.vocab_size, request.params);
    }
  }
}

}  // namespace octet
