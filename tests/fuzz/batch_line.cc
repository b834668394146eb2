#include "runtime/batch/batch_line.h"

#include <variant>

#include "kernels/base/check.h"
#include "runtime/batch/batch_result.h"
#include "runtime/io/strict_json.h"
#include "runtime/text/mistral_forms.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"

namespace octet::fuzz {
namespace {

RequestLimits MakeLimits() {
  static const auto* const kChat =
      new ChatTemplates(ChatTemplates::FromSource(MistralV1Form(), "v1", DemoTokenizer()).value());
  return {.tokenizer = &DemoTokenizer(),
          .chat = kChat,
          .vocab_size = DemoTokenizer().vocab_size(),
          .max_model_len = 256,
          .home_slots = {1, 0}};
}

void CheckRequest(const BatchRequest& request, const RequestLimits& limits) {
  OCTET_CHECK(request.n >= 1 && !request.prompts.empty());
  OCTET_CHECK(request.num_choices() <= kMaxChoices) << request.num_choices();
  OCTET_CHECK(request.params.max_tokens() >= 1);
  OCTET_CHECK(!request.home || limits.home_slots[*request.home] > 0) << *request.home;
  for (const Prompt& prompt : request.prompts) {
    OCTET_CHECK(!prompt.ids.empty());
    OCTET_CHECK(std::ssize(prompt.ids) + request.params.max_tokens() <=
                limits.max_model_len + (request.generate ? 0 : 1));
    for (const int32_t id : prompt.ids) OCTET_CHECK(id >= 0 && id < limits.vocab_size) << id;
  }
}

void CheckRefusal(const ParsedLine& parsed, const RequestError& error) {
  CheckMessage(error.message);
  OCTET_CHECK(!error.code.empty());
  const auto result = ParseStrictJson(FormatError(1, parsed, error), "result");
  OCTET_CHECK(result.ok()) << result.status();
}

ParsedLine Parse(const std::string& line, const RequestLimits& limits) {
  ParsedLine parsed = ParseBatchLine(line, limits);
  if (const auto* request = std::get_if<BatchRequest>(&parsed.request)) {
    CheckRequest(*request, limits);
  } else {
    CheckRefusal(parsed, std::get<RequestError>(parsed.request));
  }
  for (const std::string& note : parsed.notes) CheckMessage(note);
  return parsed;
}

}  // namespace

void BatchLine(const std::string& bytes) {
  static const RequestLimits kStrict = MakeLimits();
  static const RequestLimits kLenient = [] {
    RequestLimits limits = kStrict;
    limits.lenient = true;
    return limits;
  }();
  const ParsedLine strict = Parse(bytes, kStrict);
  const auto* error = std::get_if<RequestError>(&strict.request);
  if (error != nullptr && error->code == "invalid_json") return;
  const ParsedLine lenient = Parse(bytes, kLenient);
  if (error != nullptr) return;
  // To be lenient changes nothing of a line that needs no leniency.
  const auto* request = std::get_if<BatchRequest>(&lenient.request);
  OCTET_CHECK(request != nullptr && lenient.ignored_fields.empty());
  OCTET_CHECK_EQ(request->params.SerializeAsString(),
                 std::get<BatchRequest>(strict.request).params.SerializeAsString());
}

}  // namespace octet::fuzz
