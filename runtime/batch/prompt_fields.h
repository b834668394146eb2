// The fields of a request that become its prompts.

#ifndef OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_
#define OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_

#include "runtime/batch/batch_request.h"
#include "runtime/batch/request_fields.h"

namespace octet {

// Takes "prompt": a text, token ids, or a list of either. The name of a control or added token in a
// text becomes that token. BOS is put in front as the model's files say, unless
// "add_special_tokens" is false. Both are as in vLLM. Texts stay in Prompt::text if request.echo is
// set.
void TakePrompts(const RequestLimits& limits, Fields& body, BatchRequest& request);

// Returns false, with an error, if a text of `bytes` bytes cannot leave room for an answer, or is
// too long to be cut: the time for its tokens would be wasted.
bool CheckBytes(size_t bytes, const std::string& name, const RequestLimits& limits,
                bool will_be_cut, Fields& body);

// Reports an error if the model has no row for a token. Such a token must not reach the model.
void CheckRows(const Prompt& prompt, const std::string& name, const RequestLimits& limits,
               Fields& body);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_
