// The messages of a chat request.

#ifndef OCTET_RUNTIME_BATCH_CHAT_MESSAGE_FIELDS_H_
#define OCTET_RUNTIME_BATCH_CHAT_MESSAGE_FIELDS_H_

#include <vector>

#include "runtime/batch/request_fields.h"
#include "runtime/text/chat_template.h"

namespace octet {

// "messages", one or more. Roles are the template's to judge; "developer" is OpenAI's newer name of
// "system". What answers of OpenAI and vLLM hold besides text and calls, and labels for others than
// the model, is passed over.
std::vector<ChatMessage> TakeMessages(Fields& body);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_CHAT_MESSAGE_FIELDS_H_
