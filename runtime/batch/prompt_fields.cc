#include "runtime/batch/prompt_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/chat_template.h"

namespace octet {
namespace {

using nlohmann::json;

std::string Element(const std::string& list, size_t index) {
  return absl::StrCat(list, "[", index, "]");
}

// A token that the model has no row for must not reach it.
void CheckRows(const Prompt& prompt, const std::string& name, const RequestLimits& limits,
               Fields& body) {
  const auto has_no_row = [&](int32_t id) { return id >= limits.vocab_size; };
  const auto found = std::find_if(prompt.ids.begin(), prompt.ids.end(), has_no_row);
  if (found == prompt.ids.end()) return;
  body.Fail(name,
            absl::StrCat("holds the token ", Quoted(limits.tokenizer->Piece(*found)), ", whose id ",
                         *found, " is not below the model's vocab_size of ", limits.vocab_size));
}

Prompt ReadText(const std::string& text, const std::string& name, const RequestLimits& limits,
                bool add_special_tokens, Fields& body) {
  if (limits.tokenizer == nullptr) {
    body.Fail(name, "must be a list of token ids: the model has no tokenizer");
    return {};
  }
  if (text.size() > Tokenizer::kMaxTextBytes) {
    body.Fail(name, "is too long a text");
    return {};
  }
  Prompt prompt = {.ids = limits.tokenizer->EncodePrompt(text, add_special_tokens),
                   .text = text,
                   .is_text = true};
  if (prompt.ids.empty()) body.Fail(name, "must not be empty: no BOS token is put in front of it");
  CheckRows(prompt, name, limits, body);
  return prompt;
}

Prompt ReadIds(const json& ids, const std::string& name, const RequestLimits& limits,
               Fields& body) {
  Prompt prompt;
  if (ids.empty()) body.Fail(name, "must not be an empty list");
  prompt.ids.reserve(ids.size());
  for (const json& value : ids) {
    const std::optional<int32_t> id = TokenId(value, limits.vocab_size);
    if (!id) {
      body.Fail(Element(name, prompt.ids.size()),
                absl::StrCat("must be a token id below ", limits.vocab_size));
      return {};
    }
    prompt.ids.push_back(*id);
  }
  return prompt;
}

// A list of texts, or of lists of ids, whichever its first element is.
void ReadPrompts(const json& list, const RequestLimits& limits, bool add_special_tokens,
                 Fields& body, std::vector<Prompt>& prompts) {
  const bool texts = list.front().is_string();
  for (const json& value : list) {
    const std::string name = Element("prompt", prompts.size());
    if (texts && value.is_string()) {
      prompts.push_back(
          ReadText(value.get_ref<const std::string&>(), name, limits, add_special_tokens, body));
    } else if (!texts && value.is_array()) {
      prompts.push_back(ReadIds(value, name, limits, body));
    } else {
      body.Fail(name, texts ? "must be a text, as the first prompt is"
                            : "must be a list of token ids, as the first prompt is");
    }
    if (!body.ok()) return;
  }
}

// The texts of a message in OpenAI's list of parts, each on a line of its own as in vLLM.
std::string ReadParts(const json& parts, const std::string& name, Fields& message) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string prefix = Element(name, i) + ".";
    Fields part(parts[i], prefix, message.findings());
    const std::optional<std::string> type = part.TakeString("type");
    if (!type) part.FailMissing("type");
    if (type && *type != "text") {
      part.Fail("type", "must be 'text': this version reads texts only", "unsupported_value");
    }
    const std::optional<std::string> line = part.TakeString("text");
    if (!line) part.FailMissing("text");
    part.RefuseRest();
    if (!part.ok()) return "";
    if (i > 0) text += '\n';
    text += *line;
  }
  return text;
}

std::string ReadContent(Fields& message, const std::string& prefix) {
  const json* content = message.Take("content");
  if (content == nullptr) {
    message.FailMissing("content");
    return "";
  }
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array() || content->empty()) {
    message.Fail("content", "must be a text or a list of one or more parts");
    return "";
  }
  for (size_t i = 0; i < content->size(); ++i) {
    if (!(*content)[i].is_object()) message.Fail(Element("content", i), "must be an object");
  }
  return message.ok() ? ReadParts(*content, prefix + "content", message) : "";
}

ChatMessage ReadMessage(const json& value, const std::string& name, Fields& body) {
  if (!value.is_object()) {
    body.Fail(name, "must be an object with role and content");
    return {};
  }
  const std::string prefix = name + ".";
  Fields message(value, prefix, body.findings());
  const std::optional<std::string> role = message.TakeString("role");
  if (!role) message.FailMissing("role");
  std::string content = ReadContent(message, prefix);
  message.RefuseRest();
  return {role.value_or(""), std::move(content)};
}

}  // namespace

void TakePrompts(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  const json* prompt = body.Take("prompt");
  if (prompt == nullptr) return body.FailMissing("prompt");
  const bool add_special_tokens = body.TakeBool("add_special_tokens").value_or(true);
  const bool is_list = prompt->is_array();
  if (is_list && !prompt->empty() && (prompt->front().is_string() || prompt->front().is_array())) {
    ReadPrompts(*prompt, limits, add_special_tokens, body, request.prompts);
  } else if (is_list) {
    request.prompts = {ReadIds(*prompt, "prompt", limits, body)};
  } else if (prompt->is_string()) {
    request.prompts = {ReadText(prompt->get_ref<const std::string&>(), "prompt", limits,
                                add_special_tokens, body)};
  } else {
    body.Fail("prompt", "must be a text, a list of token ids, or a list of either");
  }
  if (request.echo) return;
  for (Prompt& each : request.prompts) each.text = {};
}

void TakeMessages(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  const json* messages = body.Take("messages");
  if (messages == nullptr) return body.FailMissing("messages");
  if (!messages->is_array() || messages->empty()) {
    return body.Fail("messages", "must be a list of one or more messages");
  }
  if (limits.tokenizer == nullptr) {
    return body.Fail("messages", "can't be read: the model has no tokenizer");
  }
  std::vector<ChatMessage> conversation;
  for (const json& message : *messages) {
    conversation.push_back(ReadMessage(message, Element("messages", conversation.size()), body));
    // The template joins a system message to the next one.
    if (conversation.back().content.size() > Tokenizer::kMaxTextBytes / 2) {
      body.Fail("messages", "has too long a text");
    }
  }
  if (!body.ok()) return;
  absl::StatusOr<std::vector<int32_t>> ids = EncodeMixtralInstruct(*limits.tokenizer, conversation);
  if (!ids.ok()) {
    const std::string why(ids.status().message());
    return body.Fail("messages", "can't be used: " + why);
  }
  request.prompts = {Prompt{.ids = *std::move(ids)}};
}

}  // namespace octet
