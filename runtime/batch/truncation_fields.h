// The fields of a request that cut its prompts.

#ifndef OCTET_RUNTIME_BATCH_TRUNCATION_FIELDS_H_
#define OCTET_RUNTIME_BATCH_TRUNCATION_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// "truncate_prompt_tokens" and "truncation_side", as vLLM has them. Before the prompts: a text that
// will be cut may be longer than its tokens' room.
void TakeTruncation(Fields& body, BatchRequest& request);

// Cuts the prompts, BOS included, as was asked for. `answer_tokens`: what must be left for an
// answer; -1 keeps what this leaves.
void CutPrompts(const RequestLimits& limits, int64_t answer_tokens, Fields& body,
                BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_TRUNCATION_FIELDS_H_
