// The fields of a request that say how long an answer is.

#ifndef OCTET_RUNTIME_BATCH_LENGTH_FIELDS_H_
#define OCTET_RUNTIME_BATCH_LENGTH_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// "max_tokens", also by its new name, and "min_tokens". After "echo" and the prompts, each of which
// must leave room for an answer.
void TakeLengths(const RequestLimits& limits, Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_LENGTH_FIELDS_H_
