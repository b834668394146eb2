#include "runtime/batch_request.h"

#include <absl/strings/str_cat.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/chat_template.h"
#include "runtime/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr int kMaxLogprobs = 20;       // as vLLM's --max-logprobs
constexpr int kDefaultMaxTokens = 16;  // of completions, as OpenAI
constexpr double kMaxTemperature = 2;  // as OpenAI

// Takes the fields of an object one by one. The first error stays.
class Fields {
 public:
  // Null counts as absent, as in OpenAI's interface. `prefix` stands before each field's name in
  // errors.
  explicit Fields(const json& object, std::string prefix = "")
      : object_(object), prefix_(std::move(prefix)) {
    for (const auto& [key, value] : object.items()) unread_.insert({key, !value.is_null()});
  }

  const json* Take(const std::string& key) {
    unread_.erase(key);
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  std::optional<int64_t> TakeInteger(const std::string& key, int64_t least, int64_t most) {
    const json* value = Take(key);
    if (value == nullptr) return std::nullopt;
    const bool fits = value->is_number_unsigned()
                          ? value->get<uint64_t>() <= static_cast<uint64_t>(most)
                          : value->is_number_integer();
    if (!fits || value->get<int64_t>() < least || value->get<int64_t>() > most) {
      Fail(key, absl::StrCat("must be a whole number from ", least, " to ", most));
      return std::nullopt;
    }
    return value->get<int64_t>();
  }

  std::optional<double> TakeNumber(const std::string& key, double least, double most) {
    const json* value = Take(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most)) {
      Fail(key, absl::StrCat("must be a number from ", least, " to ", most));
      return std::nullopt;
    }
    return value->get<double>();
  }

  bool TakeBool(const std::string& key) {
    const json* value = Take(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) Fail(key, "must be true or false");
    return value->is_boolean() && value->get<bool>();
  }

  std::optional<std::string> TakeString(const std::string& key) {
    const json* value = Take(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      Fail(key, "must be a string");
      return std::nullopt;
    }
    return value->get<std::string>();
  }

  void Fail(const std::string& key, const std::string& rule,
            const std::string& code = "invalid_value") {
    const std::string name = prefix_ + key;
    Adopt(RequestError{absl::StrCat("'", name, "' ", rule), name, code});
  }

  // An error found elsewhere.
  void Adopt(const RequestError& error) {
    if (!error_) error_ = error;
  }

  // What was wrong, or else the first field that nobody took.
  std::optional<RequestError> Finish() {
    for (const auto& [key, set] : unread_) {
      if (set) Fail(key, "is not a field that this version serves", "unknown_parameter");
    }
    return error_;
  }

  const std::optional<RequestError>& error() const { return error_; }

 private:
  const json& object_;
  std::string prefix_;
  std::map<std::string, bool> unread_;  // and whether it has a value
  std::optional<RequestError> error_;
};

void TakePromptIds(const json& prompt, const RequestLimits& limits, Fields& body,
                   std::vector<int32_t>& ids) {
  for (const json& id : prompt) {
    const bool valid =
        id.is_number_unsigned() && id.get<uint64_t>() < static_cast<uint64_t>(limits.vocab_size);
    if (!valid) {
      return body.Fail("prompt", absl::StrCat("must be a text or a list of token ids below ",
                                              limits.vocab_size));
    }
    ids.push_back(id.get<int32_t>());
  }
}

// BOS and the text's tokens.
std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<int32_t> ids = tokenizer.Encode(text);
  if (tokenizer.bos_id() >= 0) ids.insert(ids.begin(), tokenizer.bos_id());
  return ids;
}

void TakePrompt(const RequestLimits& limits, Fields& body, std::vector<int32_t>& ids) {
  const json* prompt = body.Take("prompt");
  if (prompt == nullptr) return body.Fail("prompt", "is missing", "missing_required_parameter");
  if (prompt->is_array() && !prompt->empty()) return TakePromptIds(*prompt, limits, body, ids);
  if (!prompt->is_string()) return body.Fail("prompt", "must be a text or a list of token ids");
  if (limits.tokenizer == nullptr) {
    return body.Fail("prompt", "must be a list of token ids: the model has no tokenizer");
  }
  const std::string text = prompt->get<std::string>();
  if (text.size() > Tokenizer::kMaxTextBytes) return body.Fail("prompt", "is too long a text");
  ids = EncodePrompt(*limits.tokenizer, text);
  if (ids.empty()) body.Fail("prompt", "must not be empty: the model has no BOS token");
}

// One message of "messages": role and content, both strings.
ChatMessage TakeMessage(const json& message, size_t index, Fields& body) {
  const std::string name = absl::StrCat("messages[", index, "]");
  if (!message.is_object()) {
    body.Fail(name, "must be an object with role and content");
    return {};
  }
  Fields fields(message, name + ".");
  const std::optional<std::string> role = fields.TakeString("role");
  const std::optional<std::string> content = fields.TakeString("content");
  if (!role) fields.Fail("role", "is missing", "missing_required_parameter");
  if (!content) fields.Fail("content", "is missing", "missing_required_parameter");
  if (const auto error = fields.Finish()) body.Adopt(*error);
  return {role.value_or(""), content.value_or("")};
}

void TakeMessages(const RequestLimits& limits, Fields& body, std::vector<int32_t>& ids) {
  const json* messages = body.Take("messages");
  if (messages == nullptr) return body.Fail("messages", "is missing", "missing_required_parameter");
  if (!messages->is_array() || messages->empty()) {
    return body.Fail("messages", "must be a list of one or more messages");
  }
  if (limits.tokenizer == nullptr) {
    return body.Fail("messages", "can't be read: the model has no tokenizer");
  }
  std::vector<ChatMessage> conversation;
  for (const json& message : *messages) {
    conversation.push_back(TakeMessage(message, conversation.size(), body));
    if (conversation.back().content.size() > Tokenizer::kMaxTextBytes / 2) {
      body.Fail("messages", "has too long a text");
    }
  }
  if (body.error()) return;
  absl::StatusOr<std::vector<int32_t>> encoded =
      EncodeMixtralInstruct(*limits.tokenizer, conversation);
  if (!encoded.ok()) {
    return body.Fail("messages",
                     absl::StrCat("can't be used: ", std::string(encoded.status().message())));
  }
  ids = *std::move(encoded);
}

// How many tokens may be generated; the prompt must leave room for them.
void TakeMaxTokens(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const bool is_chat = request.endpoint == Endpoint::kChatCompletions;
  const std::optional<int64_t> old_name = body.TakeInteger("max_tokens", 1, kMost);
  const std::optional<int64_t> new_name = body.TakeInteger("max_completion_tokens", 1, kMost);
  if (old_name && new_name && *old_name != *new_name) {
    return body.Fail("max_completion_tokens", "and 'max_tokens' contradict each other");
  }
  const auto prompt = std::ssize(request.prompt_ids);
  const int64_t room = limits.max_model_len - prompt;
  const std::optional<int64_t> asked = new_name ? new_name : old_name;
  if (room < 1) {
    return body.Fail(is_chat ? "messages" : "prompt",
                     absl::StrCat("has ", prompt, " tokens; with an answer it may have ",
                                  limits.max_model_len, " (--max-model-len)"),
                     "context_length_exceeded");
  }
  if (asked && *asked > room) {
    return body.Fail(
        new_name ? "max_completion_tokens" : "max_tokens",
        absl::StrCat("is ", *asked, "; after a prompt of ", prompt, " tokens there is room for ",
                     room, " (--max-model-len ", limits.max_model_len, ")"),
        "context_length_exceeded");
  }
  const int64_t otherwise = is_chat ? room : std::min<int64_t>(kDefaultMaxTokens, room);
  request.params.set_max_tokens(static_cast<int32_t>(asked.value_or(otherwise)));
}

void TakeSampling(Fields& body, BatchRequest& request) {
  SamplingParams& params = request.params;
  constexpr auto kLeast = std::numeric_limits<int64_t>::min();
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  params.set_temperature(
      static_cast<float>(body.TakeNumber("temperature", 0, kMaxTemperature).value_or(1)));
  const std::optional<int64_t> seed = body.TakeInteger("seed", kLeast, kMost);
  params.set_has_seed(seed.has_value());
  params.set_seed(seed.value_or(0));
  params.set_ignore_eos(body.TakeBool("ignore_eos"));
  params.set_num_logprobs(-1);
  if (request.endpoint == Endpoint::kCompletions) {
    const std::optional<int64_t> logprobs = body.TakeInteger("logprobs", 0, kMaxLogprobs);
    params.set_num_logprobs(static_cast<int32_t>(logprobs.value_or(-1)));
  }
  request.return_token_ids = body.TakeBool("return_token_ids");
}

void CheckModel(const RequestLimits& limits, Fields& body) {
  const std::optional<std::string> model = body.TakeString("model");
  if (limits.served_model_name.empty() || !model || *model == limits.served_model_name) return;
  body.Fail(
      "model",
      absl::StrCat("is ", Quoted(*model), "; this run serves ", Quoted(limits.served_model_name)),
      "model_not_found");
}

std::optional<RequestError> ParseBody(const json& object, const RequestLimits& limits,
                                      BatchRequest& request) {
  Fields body(object);
  CheckModel(limits, body);
  if (request.endpoint == Endpoint::kCompletions) {
    TakePrompt(limits, body, request.prompt_ids);
  } else {
    TakeMessages(limits, body, request.prompt_ids);
  }
  TakeSampling(body, request);
  if (!body.error()) TakeMaxTokens(limits, body, request);
  return body.Finish();
}

std::optional<Endpoint> ParseEndpoint(const std::string& url) {
  if (url == "/v1/completions") return Endpoint::kCompletions;
  if (url == "/v1/chat/completions") return Endpoint::kChatCompletions;
  return std::nullopt;
}

std::variant<BatchRequest, RequestError> ParseRequest(Fields& line, const RequestLimits& limits,
                                                      const std::string& custom_id) {
  BatchRequest request = {.custom_id = custom_id};
  if (line.TakeString("method").value_or("POST") != "POST") line.Fail("method", "must be POST");
  const std::string url = line.TakeString("url").value_or("");
  const std::optional<Endpoint> endpoint = ParseEndpoint(url);
  if (!endpoint) line.Fail("url", "must be /v1/completions or /v1/chat/completions", "invalid_url");
  const json* body = line.Take("body");
  if (body == nullptr || !body->is_object()) line.Fail("body", "must be an object");
  if (const auto error = line.Finish()) return *error;
  request.endpoint = *endpoint;
  if (const auto error = ParseBody(*body, limits, request)) return *error;
  return request;
}

}  // namespace

ParsedLine ParseBatchLine(const std::string& line, const RequestLimits& limits) {
  const absl::StatusOr<json> parsed = ParseStrictJson(line, "line");
  if (!parsed.ok()) {
    return {.request = RequestError{.message = std::string(parsed.status().message()),
                                    .param = "",
                                    .code = "invalid_json"}};
  }
  if (!parsed->is_object()) {
    return {.request = RequestError{
                .message = "a line must be one JSON object", .param = "", .code = "invalid_json"}};
  }
  Fields fields(*parsed);
  const std::optional<std::string> custom_id = fields.TakeString("custom_id");
  if (!custom_id) fields.Fail("custom_id", "is missing", "missing_required_parameter");
  return {.custom_id = custom_id.value_or(""),
          .has_custom_id = custom_id.has_value(),
          .request = ParseRequest(fields, limits, custom_id.value_or(""))};
}

}  // namespace octet
