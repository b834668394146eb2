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

// The reason why a line cannot be served, in the form of OpenAI's errors.
struct RequestError {
  std::string message;
  std::string param;  // the field; empty if none
  std::string code = "invalid_value";
  int status_code = 400;  // 500 if it is not the request's fault
};

enum class Endpoint { kCompletions, kChatCompletions };

// The most answers that a line may ask for, and so the most prompts that it may have.
inline constexpr int64_t kMaxChoices = 65536;

struct Prompt {
  std::vector<int32_t> ids;
  std::string text;      // as given; kept if `echo` needs it
  bool is_text = false;  // given as text, not as ids
};

// The part of a longer prompt that is kept.
struct PromptTruncation {
  int64_t tokens = -1;    // if negative, as many as leave room for the answer
  bool keeps_end = true;  // otherwise its beginning
};

struct BatchRequest {
  std::string custom_id;
  Endpoint endpoint = Endpoint::kCompletions;
  std::vector<Prompt> prompts;  // one, or several for a completion with a list
  std::optional<PromptTruncation> truncation;
  int32_t n = 1;                // answers to each prompt
  SamplingParams params;        // of every answer; num_prompt_logprobs also serves `echo`
  std::optional<int32_t> home;  // the home of all its sequences, as a rank over all groups

  // The parts that results show.
  bool echo = false;     // the prompt before the answer
  bool generate = true;  // false for `echo` with max_tokens 0; then params.max_tokens is 1
  bool include_stop_text = false;  // "include_stop_str_in_output"
  bool return_token_ids = false;
  int32_t shown_prompt_logprobs = -1;  // the field "prompt_logprobs"; negative if absent

  // The number of sequences. Choice c belongs to prompts[c / n].
  int64_t num_choices() const { return std::ssize(prompts) * n; }
};

// A line that was read: its custom_id, if it has a readable one, and the request or its error.
struct ParsedLine {
  std::string custom_id;       // a number in its place is kept as text, though the line is refused
  bool has_custom_id = false;  // and it is a text, as required
  std::variant<BatchRequest, RequestError> request;
  std::vector<std::string> ignored_fields;  // if lenient: the unknown fields
  std::vector<std::string> notes;           // for the user, about a request that is served
};

class ConstraintChecks;

// The limits that a request is checked against.
struct RequestLimits {
  const Tokenizer* tokenizer = nullptr;  // if null, prompts must be token ids
  const ChatTemplates* chat = nullptr;   // of this tokenizer; if null, conversations are refused
  int64_t vocab_size = 0;
  bool has_end_token = true;        // the model has an end-of-sequence token
  int64_t max_model_len = 0;        // tokens of prompt and answer
  int64_t created = 0;              // seconds since 1970: the time that a chat template sees
  std::string served_model_name;    // if set, "model" must be this
  bool lenient = false;             // unknown fields are ignored, and answers end with the context
  std::vector<int64_t> home_slots;  // [ranks] the most sequences of each rank, which may be 0;
                                    // empty if no request may name its home
  SamplingDefaults defaults;        // for fields that a request does not state

  // If null, equal constraints are checked again.
  ConstraintChecks* checks = nullptr;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_BATCH_REQUEST_H_
