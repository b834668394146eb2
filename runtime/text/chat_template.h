// Conversations as a model was taught to read them.

#ifndef OCTET_RUNTIME_TEXT_CHAT_TEMPLATE_H_
#define OCTET_RUNTIME_TEXT_CHAT_TEMPLATE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/text/tokenizer.h"

namespace octet {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// The ids of a conversation in Mixtral Instruct's form, `<s> [INST] … [/INST] …</s>`, of which only
// <s> and </s> are control tokens; these never come from a message's text. Form and ids:
// mistral-common, the v1 tokenizer.
//
// A system message may only come first; its text stands before the first user's text, two newlines
// between. Then user and assistant take turns, the user first. Errors name the message's index and
// role.
absl::StatusOr<std::vector<int32_t>> EncodeMixtralInstruct(const Tokenizer& tokenizer,
                                                           std::span<const ChatMessage> messages);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_CHAT_TEMPLATE_H_
