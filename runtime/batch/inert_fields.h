// The fields of a request that have no effect here.

#ifndef OCTET_RUNTIME_BATCH_INERT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_INERT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes the fields that clients send by habit and that no other function took: labels, and all
// fields of OpenAI and vLLM at values that ask for nothing. Refuses other values, even if unknown
// fields are ignored: a client that sets them expects another answer. Sources: OpenAI's API
// reference; vLLM's CompletionRequest, ChatCompletionRequest and SamplingParams, of 0.5 to now.
// Call it after all fields that are served.
void TakeInertFields(Fields& body, const BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_INERT_FIELDS_H_
