// The fields of a request that say what its answers must be.

#ifndef OCTET_RUNTIME_BATCH_CONSTRAINT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_CONSTRAINT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes "structured_outputs", "response_format" and the older "guided_json", "guided_regex",
// "guided_choice" and "guided_json_object", of which one may hold a constraint. Names and meanings:
// vLLM's, and OpenAI's for "response_format". A constraint needs a token of each byte, and one that
// ends the answer.
void TakeConstraint(const RequestLimits& limits, Fields& body, BatchRequest& request);

// Takes "bad_words": texts whose tokens may not follow each other in an answer. As in vLLM, each is
// banned as it is, and with a space in front if that changes nothing but its first token.
void TakeBadWords(const RequestLimits& limits, Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_CONSTRAINT_FIELDS_H_
