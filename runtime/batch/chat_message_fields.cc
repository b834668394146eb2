#include "runtime/batch/chat_message_fields.h"

#include <absl/strings/str_cat.h>

#include <optional>
#include <string>
#include <utility>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr size_t kMaxMessages = 16384;

constexpr size_t kMaxRoleBytes = 64;

// Fields of messages that are not for the model. vLLM drops them before the template.
constexpr const char* kLabels[] = {
    "annotations",
    "cache_control",
    "created",
    "created_at",
    "finish_reason",
    "id",
    "index",
    "metadata",
    "model",
    "object",
    "phase",
    "stop_reason",
    "status",
    "task",
    "timestamp",
    "token_ids",
    "type",
    "usage",
    "weight",
    "provider_specific_fields",
    "thinking_blocks",
};

void PassOverLabels(Fields& fields) {
  for (const char* label : kLabels) fields.Take(label);
}

// Returns the key of the text in a part of this type, or null if the part is no text.
const char* TextKey(const std::string& type) {
  if (type == "text" || type == "input_text" || type == "output_text") return "text";
  if (type == "refusal") return "refusal";
  if (type == "thinking") return "thinking";
  return nullptr;
}

// Returns the text of one part, or nullopt if it is null.
std::optional<std::string> ReadPart(const Json& value, const std::string& name, Fields& message) {
  if (value.is_string()) return value.get<std::string>();
  const std::string prefix = name + ".";
  Fields part(value, prefix, message.findings());
  const std::optional<std::string> type = part.TakeString("type");
  if (!type) part.FailMissing("type");
  const char* key = type ? TextKey(*type) : nullptr;
  if (key == nullptr) {
    part.Fail("type", "must be 'text': this version reads texts only", "unsupported_value");
    return std::nullopt;
  }
  std::optional<std::string> text = part.TakeString(key);
  if (!text && !value.contains(key)) part.FailMissing(key);
  PassOverLabels(part);
  part.RefuseRest();
  return text;
}

std::vector<std::string> ReadParts(const Json& parts, const std::string& prefix, Fields& message) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < parts.size() && message.ok(); ++i) {
    if (!parts[i].is_object() && !parts[i].is_string()) {
      message.Fail(Element("content", i), "must be an object");
      break;
    }
    std::optional<std::string> text =
        ReadPart(parts[i], absl::StrCat(prefix, Element("content", i)), message);
    if (text) texts.push_back(*std::move(text));
  }
  return texts;
}

// Takes the content. An answer from OpenAI may have a refusal instead of content, or only tool
// calls.
std::vector<std::string> TakeContent(const std::string& role, const std::string& prefix,
                                     Fields& message) {
  std::optional<std::string> refusal = message.TakeString("refusal");
  const Json* content = message.Take("content");
  if (content == nullptr && role == "assistant") {
    return refusal ? std::vector{*std::move(refusal)} : std::vector<std::string>();
  }
  if (content == nullptr) {
    message.FailMissing("content");
    return {};
  }
  if (content->is_string()) return {content->get<std::string>()};
  if (content->is_array()) return ReadParts(*content, prefix, message);
  message.Fail("content", "must be a text or a list of parts");
  return {};
}

// Reads the arguments of a call as vLLM does: values instead of their JSON text, and no value if
// the text is not JSON.
Json ReadArguments(const Json& function) {
  Json arguments = function.value("arguments", Json());
  if (arguments.is_structured()) return arguments;
  if (!arguments.is_string()) return Json::object();
  absl::StatusOr<Json> parsed =
      ParseOrderedJson(arguments.get_ref<const std::string&>(), "arguments");
  return parsed.ok() ? *std::move(parsed) : Json::object();
}

// Returns null if there are no calls.
Json TakeToolCalls(Fields& message) {
  const Json* calls = message.TakeArray("tool_calls");
  if (calls == nullptr || calls->empty()) return nullptr;
  Json read = *calls;
  for (size_t i = 0; i < read.size(); ++i) {
    Json& call = read[i];
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) {
      message.Fail(Element("tool_calls", i), "must be an object with a function");
      return nullptr;
    }
    call["function"]["arguments"] = ReadArguments(call["function"]);
  }
  return read;
}

std::string TakeRole(Fields& message) {
  std::optional<std::string> role = message.TakeString("role");
  if (!role) message.FailMissing("role");
  if (role && role->size() > kMaxRoleBytes) {
    message.Fail("role", absl::StrCat("must not have more than ", kMaxRoleBytes, " bytes"));
  }
  if (role == "developer") return "system";
  return role.value_or("");
}

ChatMessage ReadMessage(const Json& value, const std::string& name, Fields& body) {
  if (!value.is_object()) {
    body.Fail(name, "must be an object with role and content");
    return {};
  }
  const std::string prefix = name + ".";
  Fields message(value, prefix, body.findings());
  ChatMessage read = {.role = TakeRole(message)};
  read.parts = TakeContent(read.role, prefix, message);
  Json calls = TakeToolCalls(message);
  std::optional<std::string> call_id = message.TakeString("tool_call_id");
  std::optional<std::string> reasoning = message.TakeString("reasoning_content");
  if (auto newer_name = message.TakeString("reasoning")) reasoning = std::move(newer_name);
  read.name = message.TakeString("name");
  if (read.role == "assistant") read.tool_calls = std::move(calls);
  if (read.role == "assistant") read.reasoning = std::move(reasoning);
  if (read.role == "tool") read.tool_call_id = std::move(call_id);
  for (const char* key : {"audio", "function_call"}) {
    if (message.Take(key) != nullptr) message.Refuse(key, "must be null where it is given");
  }
  PassOverLabels(message);
  message.RefuseRest();
  return read;
}

}  // namespace

std::vector<ChatMessage> TakeMessages(Fields& body) {
  const Json* messages = body.Take("messages");
  if (messages == nullptr) {
    body.FailMissing("messages");
    return {};
  }
  if (!messages->is_array() || messages->empty()) {
    body.Fail("messages", "must be a list of one or more messages");
    return {};
  }
  if (messages->size() > kMaxMessages) {
    body.Fail("messages",
              absl::StrCat("has ", messages->size(), " messages; it may have ", kMaxMessages));
    return {};
  }
  std::vector<ChatMessage> read;
  for (size_t i = 0; i < messages->size() && body.ok(); ++i) {
    read.push_back(ReadMessage((*messages)[i], Element("messages", i), body));
  }
  return read;
}

}  // namespace octet
