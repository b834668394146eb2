#include "runtime/batch/inert_fields.h"

#include <limits>

namespace octet {
namespace {

using nlohmann::json;

void TakeLabels(Fields& body) {
  for (const char* key : {"user", "service_tier", "safety_identifier", "prompt_cache_key"}) {
    body.TakeString(key);
  }
  body.TakeObject("metadata");
  body.TakeBool("store");
}

// vLLM's, with the one value that changes nothing here.
void TakeNeutralFields(Fields& body) {
  if (body.TakeBool("use_beam_search").value_or(false)) {
    body.Refuse("use_beam_search", "must be false where it is given");
  }
  if (body.TakeFloat("length_penalty", 0, 100).value_or(1) != 1) {
    body.Refuse("length_penalty", "must be 1 where it is given");
  }
  if (!body.TakeBool("spaces_between_special_tokens").value_or(true)) {
    body.Refuse("spaces_between_special_tokens", "must be true where it is given");
  }
  const json* bad_words = body.TakeArray("bad_words");
  if (bad_words != nullptr && !bad_words->empty()) {
    body.Refuse("bad_words", "must be empty where it is given");
  }
}

void TakeResponseFormat(Fields& body) {
  const json* format = body.TakeObject("response_format");
  if (format != nullptr && *format != json{{"type", "text"}}) {
    body.Refuse("response_format", R"(must be {"type": "text"} where it is given)");
  }
}

void TakeCompletionFields(Fields& body, int32_t n) {
  const auto best_of = body.TakeInteger("best_of", 1, std::numeric_limits<int32_t>::max());
  if (best_of.value_or(n) != n) body.Refuse("best_of", "must be as 'n' where it is given");
  if (!body.TakeString("suffix").value_or("").empty()) {
    body.Refuse("suffix", "must be empty where it is given");
  }
}

void TakeChatFields(Fields& body) {
  const json* tools = body.TakeArray("tools");
  if (tools != nullptr && !tools->empty()) body.Refuse("tools", "must be empty where it is given");
  const json* choice = body.Take("tool_choice");
  if (choice != nullptr && *choice != "none" && *choice != "auto") {
    body.Refuse("tool_choice", "must be 'none' or 'auto' where it is given: there are no tools");
  }
  if (!body.TakeBool("add_generation_prompt").value_or(true)) {
    body.Refuse("add_generation_prompt", "must be true where it is given");
  }
  if (body.TakeBool("echo").value_or(false)) {
    body.Refuse("echo", "is served for completions only", "unknown_parameter");
  }
}

}  // namespace

void TakeInertFields(Fields& body, const BatchRequest& request) {
  TakeLabels(body);
  TakeNeutralFields(body);
  TakeResponseFormat(body);
  if (body.TakeBool("stream").value_or(false)) {
    body.Refuse("stream", "must be false where it is given: a batch has no stream");
  }
  if (request.endpoint == Endpoint::kCompletions) {
    TakeCompletionFields(body, request.n);
  } else {
    TakeChatFields(body);
  }
}

}  // namespace octet
