// The fields of a request that become its prompts.

#ifndef OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// "prompt": a text, token ids, or a list of either. The spelling of a control or added token in a
// text is that token, and BOS is put in front as the model's files say, unless "add_special_tokens"
// is false: both as in vLLM. Texts stay in Prompt::text where request.echo is set.
void TakePrompts(const RequestLimits& limits, Fields& body, BatchRequest& request);

// "messages": one prompt, in the form of the chat template.
void TakeMessages(const RequestLimits& limits, Fields& body, BatchRequest& request);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_
