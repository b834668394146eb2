// The fields of a request that say how tokens are chosen and what ends an answer.

#ifndef OCTET_RUNTIME_BATCH_SAMPLING_FIELDS_H_
#define OCTET_RUNTIME_BATCH_SAMPLING_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Each sets what it takes in request.params, and the default of what is absent.

// "temperature", "top_p", "seed" and the like, "logit_bias", and "n".
void TakeSampling(const RequestLimits& limits, Fields& body, BatchRequest& request);

// "stop", "stop_token_ids", "ignore_eos" and how the text is made in which "stop" is sought.
void TakeStop(const RequestLimits& limits, Fields& body, BatchRequest& request);

// "logprobs", of which the endpoints have different ones, and "prompt_logprobs". After "echo".
void TakeLogprobs(Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_SAMPLING_FIELDS_H_
