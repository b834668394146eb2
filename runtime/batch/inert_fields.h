// The fields of a request that change nothing here.

#ifndef OCTET_RUNTIME_BATCH_INERT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_INERT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes what clients send out of habit and nobody took before: labels, and all that OpenAI and vLLM
// have a field for, at the values that ask for nothing. Other values are refused, also where fields
// that are not known are ignored: who sets them expects another answer. Sources: OpenAI's API
// reference; vLLM's CompletionRequest, ChatCompletionRequest and SamplingParams, of 0.5 to now.
// After all fields that are served.
void TakeInertFields(Fields& body, const BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_INERT_FIELDS_H_
