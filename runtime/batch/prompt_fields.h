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

// False, and an error, where a text of so many bytes can't leave room for an answer, or is too long
// to be cut: it is not worth the time that its tokens would take.
bool CheckBytes(size_t bytes, const std::string& name, const RequestLimits& limits,
                bool will_be_cut, Fields& body);

// An error where the model has no row for a token: it must not reach the model.
void CheckRows(const Prompt& prompt, const std::string& name, const RequestLimits& limits,
               Fields& body);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_PROMPT_FIELDS_H_
