// A request of a batch.

#ifndef OCTET_RUNTIME_BATCH_BATCH_REQUEST_H_
#define OCTET_RUNTIME_BATCH_BATCH_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// Why a line can't be served, in the form of OpenAI's errors.
struct RequestError {
  std::string message;
  std::string param;  // the field; empty: none
  std::string code = "invalid_value";
  int status_code = 400;  // 500: not the request's fault
};

enum class Endpoint { kCompletions, kChatCompletions };

// Most answers that a line may ask for, and so most prompts that it may have.
inline constexpr int64_t kMaxChoices = 65536;

struct Prompt {
  std::vector<int32_t> ids;
  std::string text;      // as given, kept where `echo` needs it
  bool is_text = false;  // given as such, not as ids
};

// How much is kept of a prompt that is longer.
struct PromptTruncation {
  int64_t tokens = -1;    // negative: what leaves room for the answer
  bool keeps_end = true;  // or the beginning
};

struct BatchRequest {
  std::string custom_id;
  Endpoint endpoint = Endpoint::kCompletions;
  std::vector<Prompt> prompts;  // one, unless a completion has a list of them
  std::optional<PromptTruncation> truncation;
  int32_t n = 1;                // answers to each prompt
  SamplingParams params;        // of every answer; num_prompt_logprobs also serves `echo`
  std::optional<int32_t> home;  // the rank, over all groups, on which all its sequences live

  // What results show.
  bool echo = false;               // the prompt before the answer
  bool generate = true;            // false: `echo` with max_tokens 0; params.max_tokens is 1
  bool include_stop_text = false;  // "include_stop_str_in_output"
  bool return_token_ids = false;
  int32_t shown_prompt_logprobs = -1;  // of the field "prompt_logprobs"; negative: not asked for

  // Sequences that it becomes: choice c belongs to prompts[c / n].
  int64_t num_choices() const { return std::ssize(prompts) * n; }
};

// A line read: its custom_id, where it has one that can be read, and the request or what is wrong
// with it.
struct ParsedLine {
  std::string custom_id;       // also of a line that is refused for a number in its place, as text
  bool has_custom_id = false;  // a text, as it must be
  std::variant<BatchRequest, RequestError> request;
  std::vector<std::string> ignored_fields;  // when lenient: those that are not known
  std::vector<std::string> notes;           // what a person should know of a request that is served
};

// What a request is checked against.
struct RequestLimits {
  const Tokenizer* tokenizer = nullptr;  // null: only prompts given as token ids
  const ChatTemplates* chat = nullptr;   // of this tokenizer; null: no conversations
  int64_t vocab_size = 0;
  int64_t max_model_len = 0;        // prompt and answer
  int64_t created = 0;              // seconds since 1970: what a chat template takes for the time
  std::string served_model_name;    // when set, "model" must be this
  bool lenient = false;             // fields that are not known are ignored, not refused
  std::vector<int64_t> home_slots;  // [ranks] sequences that each may have, which may be none;
                                    // empty: no request names its home
  SamplingDefaults defaults;        // of what a request does not state
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_REQUEST_H_
