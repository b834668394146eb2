#include "runtime/batch/batch_result.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <array>

#include "kernels/base/check.h"
#include "runtime/batch/answer_text.h"
#include "runtime/batch/logprobs_json.h"
#include "runtime/io/json_writer.h"
#include "runtime/trace/npy.h"
#include "runtime/trace/trace_check.h"

namespace octet {
namespace {

constexpr int kOk = 200;

void WriteStopReason(const Answer& answer, JsonWriter& json) {
  const FinishedSequence& finished = answer.finished;
  json.Key("stop_reason");
  if (answer.stopped() && finished.has_stop_text()) {
    json.String(answer.request.params.stop(finished.stop_text().index()));
  } else if (answer.stopped() && finished.has_stop_token()) {
    json.Integer(finished.stop_token());
  } else {
    json.Null();
  }
}

// Writes what vLLM writes: an int16 array [tokens, layers, top_k] in base64, in the format of
// numpy.save.
void WriteRoutedExperts(const ResultFormat& format, const std::string& experts, JsonWriter& json) {
  const auto slots = std::ssize(experts) / format.expert_bytes;
  const int64_t tokens = slots / format.num_layers / format.topk;
  std::string npy =
      NpyHeader(kNpyInt16, std::array{tokens, int64_t{format.num_layers}, int64_t{format.topk}});
  npy.reserve(npy.size() + 2 * slots);
  for (int64_t slot = 0; slot < slots; ++slot) {
    const int expert = ExpertAt(experts, slot, format.expert_bytes);
    npy += static_cast<char>(expert & 0xff);
    npy += static_cast<char>(expert >> 8);
  }
  json.Key("routed_experts").String(absl::Base64Escape(npy));
}

// Writes the fields that end a choice at both endpoints.
void WriteFinish(const ResultFormat& format, const Answer& answer, JsonWriter& json) {
  json.Key("finish_reason").String(answer.stopped() ? "stop" : "length");
  WriteStopReason(answer, json);
  if (answer.request.return_token_ids) json.Key("token_ids").Integers(answer.token_ids());
  const std::string& experts = answer.finished.routed_experts();
  if (!experts.empty()) WriteRoutedExperts(format, experts, json);
}

void WriteCompletion(const ResultFormat& format, const Answer& answer, JsonWriter& json) {
  const Tokenizer* tokenizer = format.tokenizer;
  const BatchRequest& request = answer.request;
  const AnswerText shown = MakeAnswerText(tokenizer, answer);
  json.Key("text").String(shown.text).Key("logprobs");
  if (request.params.num_logprobs() >= 0) {
    WriteCompletionLogprobs(tokenizer, answer, shown.offsets, json);
  } else {
    json.Null();
  }
  WriteFinish(format, answer, json);
  if (request.return_token_ids) json.Key("prompt_token_ids").Integers(answer.prompt.ids);
  if (request.shown_prompt_logprobs >= 0) {
    json.Key("prompt_logprobs");
    WritePromptLogprobs(tokenizer, answer, json);
  }
}

void WriteChatCompletion(const ResultFormat& format, const Answer& answer, JsonWriter& json) {
  const Tokenizer* tokenizer = format.tokenizer;
  json.Key("message").BeginObject();
  json.Key("role").String("assistant");
  json.Key("content").String(MakeAnswerText(tokenizer, answer).text);
  json.EndObject().Key("logprobs");
  if (answer.request.params.num_logprobs() >= 0) {
    WriteChatLogprobs(tokenizer, answer, json);
  } else {
    json.Null();
  }
  WriteFinish(format, answer, json);
}

void WriteChoices(const ResultFormat& format, const BatchRequest& request,
                  std::span<const FinishedSequence> choices, JsonWriter& json) {
  json.Key("choices").BeginArray();
  for (size_t i = 0; i < choices.size(); ++i) {
    const Answer answer = {request, request.prompts[i / request.n], choices[i]};
    json.BeginObject().Key("index").Integer(static_cast<int64_t>(i));
    if (request.endpoint == Endpoint::kCompletions) {
      WriteCompletion(format, answer, json);
    } else {
      WriteChatCompletion(format, answer, json);
    }
    json.EndObject();
  }
  json.EndArray();
}

void WriteUsage(const BatchRequest& request, std::span<const FinishedSequence> choices,
                JsonWriter& json) {
  int64_t prompt_tokens = 0;
  for (const Prompt& prompt : request.prompts) prompt_tokens += std::ssize(prompt.ids);
  int64_t completion_tokens = 0;
  for (const FinishedSequence& choice : choices) completion_tokens += choice.token_ids_size();
  if (!request.generate) completion_tokens = 0;
  json.Key("usage").BeginObject();
  json.Key("prompt_tokens").Integer(prompt_tokens);
  json.Key("completion_tokens").Integer(completion_tokens);
  json.Key("total_tokens").Integer(prompt_tokens + completion_tokens);
  json.EndObject();
}

// Writes the fields for a chat's prompt that vLLM gives beside the choices.
void WriteChatPrompt(const Tokenizer* tokenizer, const BatchRequest& request,
                     const FinishedSequence& choice, JsonWriter& json) {
  const Prompt& prompt = request.prompts.front();
  if (request.shown_prompt_logprobs >= 0) {
    json.Key("prompt_logprobs");
    WritePromptLogprobs(tokenizer, {request, prompt, choice}, json);
  }
  if (request.return_token_ids) json.Key("prompt_token_ids").Integers(prompt.ids);
}

// Begins a result line, up to the body of the response.
void BeginResult(int64_t line, const std::string* custom_id, int status_code, JsonWriter& json) {
  const std::string id = absl::StrCat("batch_req_", line);
  json.BeginObject();
  json.Key("id").String(id).Key("custom_id");
  if (custom_id != nullptr) {
    json.String(*custom_id);
  } else {
    json.Null();
  }
  json.Key("response").BeginObject();
  json.Key("status_code").Integer(status_code);
  json.Key("request_id").String(id);
  json.Key("body").BeginObject();
}

}  // namespace

std::string FormatResult(const ResultFormat& format, int64_t line, const BatchRequest& request,
                         std::span<const FinishedSequence> choices) {
  OCTET_CHECK_EQ(std::ssize(choices), request.num_choices());
  const bool is_chat = request.endpoint == Endpoint::kChatCompletions;
  JsonWriter json;
  BeginResult(line, &request.custom_id, kOk, json);
  json.Key("id").String(absl::StrCat(is_chat ? "chatcmpl-" : "cmpl-", line));
  json.Key("object").String(is_chat ? "chat.completion" : "text_completion");
  json.Key("created").Integer(format.created);
  json.Key("model").String(format.model);
  WriteChoices(format, request, choices, json);
  WriteUsage(request, choices, json);
  if (is_chat) WriteChatPrompt(format.tokenizer, request, choices.front(), json);
  json.EndObject().EndObject().Key("error").Null().EndObject();
  return json.Take();
}

std::string FormatError(int64_t line, const ParsedLine& parsed, const RequestError& error) {
  JsonWriter json;
  const bool shows_id = parsed.has_custom_id || !parsed.custom_id.empty();
  BeginResult(line, shows_id ? &parsed.custom_id : nullptr, error.status_code, json);
  json.Key("error").BeginObject();
  json.Key("message").String(error.message);
  const bool by_request = error.status_code < 500;
  json.Key("type").String(by_request ? "invalid_request_error" : "server_error").Key("param");
  if (error.param.empty()) {
    json.Null();
  } else {
    json.String(error.param);
  }
  json.Key("code").String(error.code);
  json.EndObject().EndObject().EndObject();
  json.Key("error").BeginObject();
  json.Key("code").String(error.code);
  json.Key("message").String(error.message);
  json.EndObject().EndObject();
  return json.Take();
}

}  // namespace octet
