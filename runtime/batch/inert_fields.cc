#include "runtime/batch/inert_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>

#include "runtime/batch/lax_values.h"

namespace octet {
namespace {

// Fields that are accepted with the same values.
struct Rule {
  bool (*accepts)(const Json& value);
  const char* allowed;  // the text after "must be"; null if no value is allowed
  std::initializer_list<const char*> keys;
};

bool IsText(const Json& value) { return value.is_string(); }
bool IsObject(const Json& value) { return value.is_object(); }
bool IsBool(const Json& value) { return LaxBool(value).has_value(); }
bool IsWhole(const Json& value) { return LaxInteger(value).has_value(); }
bool IsFalse(const Json& value) { return LaxBool(value) == false; }
bool IsTrue(const Json& value) { return LaxBool(value) == true; }
bool IsZero(const Json& value) { return LaxInteger(value) == 0; }
bool IsOne(const Json& value) { return LaxDouble(value) == 1; }
bool IsMinusOne(const Json& value) { return LaxInteger(value) == -1; }
bool IsEmptyList(const Json& value) { return value.is_array() && value.empty(); }
bool IsEmptyObject(const Json& value) { return value.is_object() && value.empty(); }
bool IsEmptyText(const Json& value) { return value == ""; }
bool IsNoneOrAuto(const Json& value) { return value == "none" || value == "auto"; }
bool IsTextAlone(const Json& value) {
  return value.is_array() && value.size() == 1 && value.front() == "text";
}
bool IsMedium(const Json& value) { return value == "medium"; }
bool IsNothing(const Json&) { return false; }

bool IsEffort(const Json& value) {
  constexpr std::array kEfforts = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
  return std::find(kEfforts.begin(), kEfforts.end(), value) != kEfforts.end();
}

// Fields on which no answer depends, at any value.
constexpr Rule kLabelRules[] = {
    {IsText,
     "a text",
     {"user", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
      "request_id", "session_id", "cache_salt", "guided_decoding_backend",
      "guided_whitespace_pattern"}},
    {IsObject, "an object", {"metadata", "stream_options", "prediction"}},
    {IsBool,
     "true or false",
     {"store", "parallel_tool_calls", "include_reasoning", "return_token_offsets",
      "return_mm_kwargs", "skip_reading_prefix_cache", "guided_decoding_disable_fallback",
      "guided_decoding_disable_any_whitespace", "guided_decoding_disable_additional_properties"}},
    {IsWhole, "a whole number", {"priority", "routed_experts_prompt_start", "stream_interval"}},
    {IsEffort, "none, minimal, low, medium, high, xhigh or max", {"reasoning_effort"}},
};

// Fields on which answers depend, with the one value that asks for nothing.
constexpr Rule kNeutral[] = {
    {IsFalse,
     "false",
     {"use_beam_search", "early_stopping", "watermarking", "return_tokens_as_token_ids",
      "return_prompt_text", "flat_logprobs", "continue_final_message"}},
    {IsFalse, "false, as a batch has no stream,", {"stream"}},
    {IsFalse, "false, as it is served for completions only,", {"echo"}},
    {IsTrue, "true", {"detokenize", "add_generation_prompt"}},
    {IsOne, "1", {"length_penalty"}},
    {IsZero, "0, as it is served for chat only,", {"top_logprobs"}},
    {IsMinusOne, "-1", {"thinking_token_budget"}},
    {IsEmptyList,
     "an empty list",
     {"tools", "functions", "documents", "logits_processors", "prompt_embeds"}},
    {IsEmptyObject,
     "an empty object",
     {"chat_template_kwargs", "kv_transfer_params", "ec_transfer_params", "vllm_xargs",
      "extra_args", "media_io_kwargs", "mm_processor_kwargs"}},
    {IsEmptyText, "an empty text", {"suffix"}},
    {IsNoneOrAuto, "'none' or 'auto', as there are no tools,", {"tool_choice", "function_call"}},
    {IsTextAlone, R"(["text"])", {"modalities"}},
    {IsMedium, "'medium'", {"verbosity"}},
    {IsNothing,
     nullptr,
     {"prompt",          // in a chat
      "messages",        // in a completion
      "guided_grammar",  // this and the next: vLLM until 0.11
      "structural_tag", "logprob_token_ids", "repetition_detection", "chat_template", "audio",
      "web_search_options",
      // Fields of other servers and of OpenAI's other endpoints.
      "dry_multiplier", "dynatemp_range", "ebnf", "grammar", "input", "instructions", "json_schema",
      "max_new_tokens", "max_output_tokens", "min_new_tokens", "mirostat", "n_predict",
      "no_repeat_ngram_size", "num_beams", "regex", "repeat_penalty", "stop_regex", "typical_p",
      "xtc_probability"}},
};

void TakeAll(std::span<const Rule> rules, const char* code, Fields& body) {
  for (const Rule& rule : rules) {
    for (const char* key : rule.keys) {
      const Json* value = body.TakeLeft(key);
      if (value == nullptr || rule.accepts(*value)) continue;
      body.Fail(key,
                rule.allowed == nullptr
                    ? "is not served by this version; leave it out"
                    : absl::StrCat("must be ", rule.allowed, " where it is given"),
                code);
    }
  }
}

// Takes the fields whose neutral value depends on the request.
void TakeDependentFields(Fields& body, const BatchRequest& request) {
  if (body.TakeInteger("best_of", 1, kMaxInt32).value_or(request.n) != request.n) {
    body.Refuse("best_of", "must be as 'n' where it is given");
  }
  const bool spaces = body.TakeBool("spaces_between_special_tokens").value_or(true);
  if (!spaces && request.params.keep_special_tokens()) {
    body.Refuse("spaces_between_special_tokens", "must be true where special tokens are kept");
  }
  const bool is_chat = request.endpoint == Endpoint::kChatCompletions;
  const Json* special_tokens = body.TakeLeft("add_special_tokens");
  if (special_tokens != nullptr && LaxBool(*special_tokens) != !is_chat) {
    body.Refuse("add_special_tokens",
                absl::StrCat("must be ", is_chat ? "false" : "true", " where it is given"));
  }
}

}  // namespace

void TakeInertFields(Fields& body, const BatchRequest& request) {
  TakeAll(kLabelRules, "invalid_value", body);
  TakeAll(kNeutral, "unsupported_value", body);
  TakeDependentFields(body, request);
}

}  // namespace octet
