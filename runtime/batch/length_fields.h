// The fields of a request that set the length of an answer.

#ifndef OCTET_RUNTIME_BATCH_LENGTH_FIELDS_H_
#define OCTET_RUNTIME_BATCH_LENGTH_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes "max_tokens", also by its new name, and "min_tokens". Call it after "echo" and the prompts.
// Each prompt must leave room for an answer.
void TakeLengths(const RequestLimits& limits, Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_LENGTH_FIELDS_H_
