// The fields of a chat request that become its prompt.

#ifndef OCTET_RUNTIME_BATCH_CHAT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_CHAT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes "messages", "tools" and the other inputs of the model's chat template. The template writes
// them as one prompt. Names and meanings: OpenAI's chat completions, vLLM's extras.
void TakeConversation(const RequestLimits& limits, Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_CHAT_FIELDS_H_
