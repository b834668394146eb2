#include "runtime/batch/chat_fields.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/batch/chat_message_fields.h"
#include "runtime/batch/prompt_fields.h"
#include "runtime/io/strict_json.h"
#include "runtime/text/chat_template.h"

namespace octet {
namespace {

constexpr size_t kMaxArguments = 4096;

constexpr char kAnswersFinalMessage[] =
    "the conversation ends with a message of the assistant, and the answer begins anew behind it; "
    "continue_final_message true with add_generation_prompt false goes on with that message";

constexpr char kNoTime[] =
    "the chat template asks for the time, which --created gives: without it, it is that of 1970";

// Takes a list of objects. Returns null if it is absent or empty.
Json TakeObjects(const char* key, Fields& body) {
  const Json* list = body.TakeArray(key);
  if (list == nullptr || list->empty()) return nullptr;
  for (size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i].is_object()) continue;
    body.Fail(absl::StrCat(key, "[", i, "]"), "must be an object");
    return nullptr;
  }
  return *list;
}

void TakeToolChoice(Fields& body) {
  const Json* choice = body.Take("tool_choice");
  if (choice == nullptr || *choice == "none" || *choice == "auto") return;
  body.Refuse("tool_choice",
              "must be 'none' or 'auto' where it is given: no tool's call can be enforced");
}

// Takes the template's arguments. They must not repeat a field of the request.
Json TakeArguments(Fields& body) {
  const Json* arguments = body.TakeObject("chat_template_kwargs");
  if (arguments == nullptr) return Json::object();
  if (arguments->size() > kMaxArguments) {
    body.Fail("chat_template_kwargs",
              absl::StrCat("has ", arguments->size(), " members; it may have ", kMaxArguments));
    return Json::object();
  }
  for (const char* key : {"messages", "conversation", "tools", "documents", "chat_template",
                          "add_generation_prompt", "continue_final_message", "tokenize"}) {
    if (!arguments->contains(key)) continue;
    body.Fail("chat_template_kwargs", absl::StrCat("must not hold ", key));
  }
  return *arguments;
}

void TakeEnd(Fields& body, Conversation& conversation) {
  conversation.add_generation_prompt = body.TakeBool("add_generation_prompt").value_or(true);
  conversation.continue_final_message = body.TakeBool("continue_final_message").value_or(false);
  if (conversation.continue_final_message && conversation.add_generation_prompt) {
    body.Fail("continue_final_message", "needs add_generation_prompt to be false");
  }
}

// Refuses special tokens: the template writes BOS where the model needs it.
void TakeSpecialTokens(Fields& body) {
  if (!body.TakeBool("add_special_tokens").value_or(false)) return;
  body.Refuse("add_special_tokens",
              "must be false where it is given: the chat template writes them");
}

bool AnswersFinalMessage(const Conversation& conversation) {
  return conversation.messages.back().role == "assistant" && conversation.add_generation_prompt;
}

}  // namespace

void TakeConversation(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  Conversation conversation;
  conversation.messages = TakeMessages(body);
  conversation.tools = TakeObjects("tools", body);
  conversation.documents = TakeObjects("documents", body);
  conversation.arguments = TakeArguments(body);
  TakeToolChoice(body);
  TakeEnd(body, conversation);
  TakeSpecialTokens(body);
  if (!body.ok()) return;
  if (limits.chat == nullptr) {
    return body.Fail("messages", "can't be read: the model has no tokenizer");
  }
  if (!conversation.tools.is_null() && !limits.chat->TakesTools()) {
    return body.Refuse("tools", "can't be served: the model's chat template takes none");
  }
  const absl::StatusOr<RenderedText> text = limits.chat->Render(conversation, limits.created);
  if (!text.ok()) {
    const std::string why(text.status().message());
    return body.Fail("messages", "can't be used: " + why);
  }
  const bool will_be_cut = request.truncation.has_value();
  if (!CheckBytes(text->text.size(), "messages", limits, will_be_cut, body)) return;
  request.prompts = {Prompt{.ids = limits.tokenizer->EncodeRendered(*text)}};
  CheckRows(request.prompts[0], "messages", limits, body);
  body.Note(limits.chat->note());
  if (limits.created == 0 && limits.chat->AsksForTime()) body.Note(kNoTime);
  if (AnswersFinalMessage(conversation)) body.Note(kAnswersFinalMessage);
}

}  // namespace octet
