// The fields of a request that set how tokens are chosen and what ends an answer.

#ifndef OCTET_RUNTIME_BATCH_SAMPLING_FIELDS_H_
#define OCTET_RUNTIME_BATCH_SAMPLING_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Each function sets request.params from its fields, and from the defaults for absent fields.

// Takes "temperature", "top_p", "seed" and the like, "logit_bias", and "n".
void TakeSampling(const RequestLimits& limits, Fields& body, BatchRequest& request);

// Takes "stop", "stop_token_ids", "ignore_eos", and how the text is made in which "stop" is
// searched.
void TakeStop(const RequestLimits& limits, Fields& body, BatchRequest& request);

// Takes "logprobs", which differs between the endpoints, and "prompt_logprobs". Call it after
// "echo".
void TakeLogprobs(Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_SAMPLING_FIELDS_H_
