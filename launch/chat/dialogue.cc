#include "launch/chat/dialogue.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/batch/batch_line.h"
#include "runtime/io/strict_json.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson MakeMessage(const char* role, const std::string& text) {
  return {{"role", role}, {"content", text}};
}

bool HasRole(const OrderedJson& message, const char* role) {
  const auto found = message.find("role");
  return found != message.end() && *found == role;
}

const DialogueField* FindDialogueField(const std::string& name) {
  const auto found = std::ranges::find_if(DialogueFields(),
                                          [&](const DialogueField& f) { return name == f.name; });
  return found == DialogueFields().end() ? nullptr : &*found;
}

absl::Status CheckUtf8(const std::string& text) {
  return IsUtf8(text) ? absl::OkStatus() : absl::InvalidArgumentError("the text is not UTF-8");
}

absl::Status CheckMessages(const OrderedJson& messages) {
  const bool valid =
      messages.is_array() && std::ranges::all_of(messages, [](const OrderedJson& message) {
        return message.is_object() && message.contains("role") && message["role"].is_string();
      });
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError("'messages' must be a list of objects with a role");
}

}  // namespace

const std::vector<DialogueField>& DialogueFields() {
  static const std::vector<DialogueField> kFields = {
      {"temperature", "0: always the likeliest token"},
      {"top_p", "the likeliest tokens with this probability together"},
      {"top_k", "so many of the likeliest tokens; -1: all"},
      {"min_p", "tokens with this part of the likeliest token's probability"},
      {"max_tokens", "of an answer"},
      {"min_tokens", "of an answer"},
      {"seed", "of the draws, the same for every answer; unset: each answer has its own"},
      {"repetition_penalty", "above 1: fewer tokens that were there before"},
      {"presence_penalty", "above 0: fewer tokens that the answer has"},
      {"frequency_penalty", "above 0: fewer tokens that the answer has often"},
      {"stop", "a text or a list of texts that end the answer"},
      {"stop_token_ids", "a list of tokens that end the answer"},
      {"ignore_eos", "true: the model's own end does not end the answer"},
      {"bad_words", "a list of texts that answers may not have"},
      {"logit_bias", "an object: what is added to tokens' logits"},
      {"response_format", "an object: the form of answers"},
      {"structured_outputs", "an object: the form of answers"},
      {"chat_template_kwargs", "an object: variables of the chat template"},
  };
  return kFields;
}

absl::Status Dialogue::Check() const {
  if (limits_.tokenizer == nullptr) {
    return absl::FailedPreconditionError("a conversation is text, but the model has no tokenizer");
  }
  if (!with_template_) return absl::OkStatus();
  if (limits_.chat == nullptr) {
    return absl::FailedPreconditionError(
        "the model has no chat template; --chat-template gives one, and --no-template continues "
        "the text as it stands");
  }
  absl::Status status = limits_.chat->CheckDefault();
  if (status.ok()) return status;
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(status.message()),
                   "; --chat-template gives another, and --no-template continues the text as it "
                   "stands"));
}

absl::Status Dialogue::Set(const std::string& name, const std::string& value) {
  if (value.empty()) {
    if (FindDialogueField(name) == nullptr) return SetField(name, nullptr);
    settings_.erase(name);
    return absl::OkStatus();
  }
  absl::Status status = CheckUtf8(value);
  if (!status.ok()) return status;
  const absl::StatusOr<Json> json = ParseOrderedJson(value, name);
  return SetField(name, json.ok() ? *json : Json(value));
}

absl::Status Dialogue::SetField(const std::string& name, const Json& value) {
  if (FindDialogueField(name) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(name), " is no field that can be set here; /set lists them"));
  }
  Dialogue changed = *this;
  changed.settings_[name] = value;
  changed.messages_ = Json::array();
  changed.text_.clear();
  absl::Status status = changed.Ask("a").status();
  if (status.ok()) settings_[name] = value;
  return status;
}

std::string Dialogue::DescribeSettings() const {
  std::string lines;
  for (const auto& [name, value] : settings_.items()) {
    absl::StrAppend(&lines, name, " ", value.dump(), "\n");
  }
  return lines.empty() ? "nothing is set: the model's and the program's defaults hold\n" : lines;
}

std::string Dialogue::DescribeTurns() const {
  if (!with_template_) return text_.empty() ? "" : text_ + "\n";
  std::string lines;
  for (const Json& message : messages_) {
    const auto content = message.find("content");
    const bool is_text = content != message.end() && content->is_string();
    absl::StrAppend(&lines, message["role"].get<std::string>(), ": ",
                    is_text ? content->get<std::string>() : message.dump(), "\n");
  }
  return lines;
}

bool Dialogue::has_system() const {
  return !messages_.empty() && HasRole(messages_.front(), "system");
}

absl::Status Dialogue::SetSystem(const std::string& text) {
  if (!with_template_) {
    return absl::InvalidArgumentError("a text without a template has no system message");
  }
  absl::Status status = CheckUtf8(text);
  if (!status.ok()) return status;
  if (has_system()) messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), MakeMessage("system", text));
  return absl::OkStatus();
}

void Dialogue::Reset() {
  text_.clear();
  messages_.erase(messages_.begin() + (has_system() ? 1 : 0), messages_.end());
}

bool Dialogue::DropOldest() {
  const auto first = messages_.begin() + (has_system() ? 1 : 0);
  if (first == messages_.end()) return false;
  const auto next = std::find_if(first + 1, messages_.end(),
                                 [](const Json& message) { return HasRole(message, "user"); });
  messages_.erase(first, next);
  return true;
}

nlohmann::ordered_json Dialogue::Body(const Json& messages, const std::string& text) const {
  Json body;
  if (with_template_) {
    body["messages"] = messages;
  } else {
    body["prompt"] = text;
  }
  body.update(settings_);
  return body;
}

ParsedLine Dialogue::Parse(const Json& body) const {
  const Endpoint endpoint = with_template_ ? Endpoint::kChatCompletions : Endpoint::kCompletions;
  return ParseRequestBody(body, endpoint, limits_);
}

absl::StatusOr<BatchRequest> Dialogue::Ask(const std::string& question) const {
  const absl::Status status = CheckUtf8(question);
  if (!status.ok()) return status;
  Json messages = messages_;
  messages.push_back(MakeMessage("user", question));
  ParsedLine parsed = Parse(Body(messages, text_ + question));
  auto* error = std::get_if<RequestError>(&parsed.request);
  if (error == nullptr) return std::get<BatchRequest>(std::move(parsed.request));
  if (error->code != "context_length_exceeded" || num_messages() + text_.size() == 0) {
    return absl::InvalidArgumentError(error->message);
  }
  return absl::OutOfRangeError(
      absl::StrCat(error->message, "; /reset begins anew",
                   with_template_ ? ", /drop forgets the oldest turn" : ""));
}

// Returns how many of the tokens a conversation with this turn begins with.
size_t Dialogue::CommonTokens(const std::string& question, const std::string& answer,
                              const std::vector<int32_t>& tokens) const {
  Dialogue next = *this;
  next.messages_.push_back(MakeMessage("user", question));
  next.messages_.push_back(MakeMessage("assistant", answer));
  const absl::StatusOr<BatchRequest> request = next.Ask("a");
  if (!request.ok()) return 0;
  const std::vector<int32_t>& ids = request->prompts[0].ids;
  const auto [end, other] = std::ranges::mismatch(ids, tokens);
  return static_cast<size_t>(end - ids.begin());
}

void Dialogue::Keep(const std::string& question, const BatchRequest& request,
                    const FinishedSequence& finished, std::string answer) {
  if (!with_template_) {
    text_ += question + answer;
    return;
  }
  if (answer.starts_with(' ')) {
    std::vector<int32_t> tokens = request.prompts[0].ids;
    tokens.insert(tokens.end(), finished.token_ids().begin(), finished.token_ids().end());
    const std::string without = answer.substr(1);
    if (CommonTokens(question, without, tokens) > CommonTokens(question, answer, tokens)) {
      answer = without;
    }
  }
  messages_.push_back(MakeMessage("user", question));
  messages_.push_back(MakeMessage("assistant", answer));
}

std::string Dialogue::ToJson() const { return Body(messages_, text_).dump(2) + "\n"; }

absl::Status Dialogue::FromJson(const std::string& text, const std::string& where) {
  const absl::StatusOr<Json> json = ParseOrderedJson(text, where);
  if (!json.ok()) return json.status();
  const char* key = with_template_ ? "messages" : "prompt";
  const auto fail = [&](const absl::Status& status) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", std::string(status.message())));
  };
  const bool is_list = json->is_array() && with_template_;
  if (!is_list && !(json->is_object() && json->contains(key))) {
    return fail(absl::InvalidArgumentError(
        with_template_ ? "must be an object with \"messages\", or a list of messages"
                       : "must be an object with \"prompt\""));
  }
  Dialogue loaded(limits_, with_template_);
  const Json& turns = is_list ? *json : (*json)[key];
  absl::Status status = with_template_      ? CheckMessages(turns)
                        : turns.is_string() ? absl::OkStatus()
                                            : absl::InvalidArgumentError("'prompt' must be a text");
  if (is_list) loaded.settings_ = settings_;
  for (const auto& [name, value] : json->items()) {
    if (status.ok() && !is_list && name != key) status = loaded.SetField(name, value);
  }
  if (!status.ok()) return fail(status);
  if (with_template_) {
    messages_ = turns;
  } else {
    text_ = turns.get<std::string>();
  }
  settings_ = loaded.settings_;
  return absl::OkStatus();
}

}  // namespace octet
