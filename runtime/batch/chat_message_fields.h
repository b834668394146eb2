// The messages of a chat request.

#ifndef OCTET_RUNTIME_BATCH_CHAT_MESSAGE_FIELDS_H_
#define OCTET_RUNTIME_BATCH_CHAT_MESSAGE_FIELDS_H_

#include <vector>

#include "runtime/batch/request_fields.h"
#include "runtime/text/chat_template.h"

namespace octet {

// Takes "messages", one or more. The template judges the roles. "developer" is OpenAI's newer name
// for "system". Ignores the extra fields of OpenAI's and vLLM's answers, besides text and calls,
// and labels that are not for the model.
std::vector<ChatMessage> TakeMessages(Fields& body);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_CHAT_MESSAGE_FIELDS_H_
