// Log-probabilities in the forms that clients read.

#ifndef OCTET_RUNTIME_BATCH_LOGPROBS_JSON_H_
#define OCTET_RUNTIME_BATCH_LOGPROBS_JSON_H_

#include <cstdint>
#include <span>

#include "runtime/batch/answer_text.h"
#include "runtime/io/json_writer.h"

namespace octet {

// Each writes one value. Without a tokenizer tokens are called "token_id:N".

// OpenAI's form for completions, four lists over the tokens shown: "tokens", "token_logprobs",
// "top_logprobs" (null for the first token of a prompt) and "text_offset". The token itself stands
// among its alternatives, last where it is not one of the best. offsets: [tokens shown].
void WriteCompletionLogprobs(const Tokenizer* tokenizer, const Answer& answer,
                             std::span<const int64_t> offsets, JsonWriter& json);

// OpenAI's form for chat: {"content": a list over the answer's tokens}.
void WriteChatLogprobs(const Tokenizer* tokenizer, const Answer& answer, JsonWriter& json);

// vLLM's "prompt_logprobs": a list over the prompt's tokens of objects by token id, the first null.
void WritePromptLogprobs(const Tokenizer* tokenizer, const Answer& answer, JsonWriter& json);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_LOGPROBS_JSON_H_
