// The fields of a request that cut its prompts.

#ifndef OCTET_RUNTIME_BATCH_TRUNCATION_FIELDS_H_
#define OCTET_RUNTIME_BATCH_TRUNCATION_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes "truncate_prompt_tokens" and "truncation_side", as in vLLM. Call it before the prompts: a
// text that will be cut may be longer than the room for its tokens.
void TakeTruncation(Fields& body, BatchRequest& request);

// Cuts the prompts, BOS included, as the request asks. answer_tokens: the tokens to leave for an
// answer. A prompt keeps the rest if the request truncates to -1 tokens.
void CutPrompts(const RequestLimits& limits, int64_t answer_tokens, Fields& body,
                BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_TRUNCATION_FIELDS_H_
