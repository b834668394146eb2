// Log-probabilities in the forms that clients read.

#ifndef OCTET_RUNTIME_BATCH_LOGPROBS_JSON_H_
#define OCTET_RUNTIME_BATCH_LOGPROBS_JSON_H_

#include <cstdint>
#include <span>

#include "runtime/batch/answer_text.h"
#include "runtime/io/json_writer.h"

namespace octet {

// Each function writes one value. Without a tokenizer, tokens are called "token_id:N".

// Writes OpenAI's form for completions, four lists over the tokens shown: "tokens",
// "token_logprobs", "top_logprobs" (null for the first token of a prompt) and "text_offset". The
// token itself is among its alternatives, and is the last one if it is not among the best. offsets:
// [tokens shown].
void WriteCompletionLogprobs(const Tokenizer* tokenizer, const Answer& answer,
                             std::span<const int64_t> offsets, JsonWriter& json);

// Writes OpenAI's form for chat: {"content": a list over the answer's tokens}.
void WriteChatLogprobs(const Tokenizer* tokenizer, const Answer& answer, JsonWriter& json);

// Writes vLLM's "prompt_logprobs": a list over the prompt's tokens. Each element is an object by
// token id, and the first is null.
void WritePromptLogprobs(const Tokenizer* tokenizer, const Answer& answer, JsonWriter& json);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_LOGPROBS_JSON_H_
