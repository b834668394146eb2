#include "runtime/batch_result.h"

#include <absl/strings/str_cat.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/streaming_decoder.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBadRequest = 400;

// A double that prints as the shortest decimal that gives the float back.
double Shortest(float x) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), x);
  double value = 0;
  std::from_chars(digits, end, value);
  return value;
}

int64_t CountCharacters(const std::string& utf8) {
  int64_t characters = 0;
  for (const char c : utf8) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return characters;
}

// The text of an answer, and where in it each token begins, in characters.
struct AnswerText {
  std::string text;
  std::vector<int64_t> offsets;  // [tokens]
};

AnswerText DecodeAnswer(const Tokenizer* tokenizer, const std::vector<int32_t>& prompt,
                        const FinishedSequence& finished) {
  AnswerText answer;
  answer.offsets.resize(finished.token_ids_size());
  if (tokenizer == nullptr) return answer;
  StreamingDecoder decoder(*tokenizer, prompt);
  int64_t characters = 0;
  for (int i = 0; i < finished.token_ids_size(); ++i) {
    answer.offsets[i] = characters;
    const std::string piece = decoder.Add(finished.token_ids(i));
    characters += CountCharacters(piece);
    answer.text += piece;
  }
  answer.text += decoder.Finish();
  return answer;
}

std::string TokenText(const Tokenizer* tokenizer, int32_t id) {
  return tokenizer != nullptr ? tokenizer->TokenText(id) : absl::StrCat("token_id:", id);
}

// OpenAI's form for completions. The chosen token stands among the alternatives, last where it is
// not one of the best.
Json Logprobs(const Tokenizer* tokenizer, const FinishedSequence& finished,
              const std::vector<int64_t>& offsets) {
  Json tokens = Json::array();
  Json token_logprobs = Json::array();
  Json top_logprobs = Json::array();
  for (int i = 0; i < finished.token_ids_size(); ++i) {
    const std::string text = TokenText(tokenizer, finished.token_ids(i));
    const double logprob = Shortest(finished.logprobs(i));
    const TopLogprobs& top = finished.top_logprobs(i);
    Json alternatives = Json::object();
    for (int j = 0; j < top.token_ids_size(); ++j) {
      alternatives.emplace(TokenText(tokenizer, top.token_ids(j)), Shortest(top.logprobs(j)));
    }
    alternatives.emplace(text, logprob);
    tokens.push_back(text);
    token_logprobs.push_back(logprob);
    top_logprobs.push_back(std::move(alternatives));
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(token_logprobs)},
          {"top_logprobs", std::move(top_logprobs)},
          {"text_offset", offsets}};
}

const char* FinishReasonName(FinishReason reason) { return reason == STOP ? "stop" : "length"; }

Json Choice(const ResultFormat& format, const BatchRequest& request,
            const FinishedSequence& finished) {
  const AnswerText answer = DecodeAnswer(format.tokenizer, request.prompt_ids, finished);
  Json choice = {{"index", 0}};
  if (request.endpoint == Endpoint::kCompletions) {
    choice["text"] = answer.text;
  } else {
    choice["message"] = {{"role", "assistant"}, {"content", answer.text}};
  }
  const bool with_logprobs = request.params.num_logprobs() >= 0;
  choice["logprobs"] =
      with_logprobs ? Logprobs(format.tokenizer, finished, answer.offsets) : Json(nullptr);
  choice["finish_reason"] = FinishReasonName(finished.finish_reason());
  if (request.return_token_ids) {
    choice["token_ids"] = finished.token_ids();
    if (request.endpoint == Endpoint::kCompletions) choice["prompt_token_ids"] = request.prompt_ids;
  }
  return choice;
}

std::string RequestId(int64_t line) { return absl::StrCat("batch_req_", line); }

}  // namespace

std::string FormatResult(const ResultFormat& format, int64_t line, const BatchRequest& request,
                         const FinishedSequence& finished) {
  const bool is_chat = request.endpoint == Endpoint::kChatCompletions;
  const auto prompt_tokens = std::ssize(request.prompt_ids);
  const int64_t completion_tokens = finished.token_ids_size();
  Json body = {{"id", absl::StrCat(is_chat ? "chatcmpl-" : "cmpl-", line)},
               {"object", is_chat ? "chat.completion" : "text_completion"},
               {"created", format.created},
               {"model", format.model},
               {"choices", Json::array({Choice(format, request, finished)})},
               {"usage",
                {{"prompt_tokens", prompt_tokens},
                 {"completion_tokens", completion_tokens},
                 {"total_tokens", prompt_tokens + completion_tokens}}}};
  if (is_chat && request.return_token_ids) body["prompt_token_ids"] = request.prompt_ids;
  const Json result = {
      {"id", RequestId(line)},
      {"custom_id", request.custom_id},
      {"response",
       {{"status_code", 200}, {"request_id", RequestId(line)}, {"body", std::move(body)}}},
      {"error", nullptr}};
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string FormatError(int64_t line, const ParsedLine& parsed, const RequestError& error) {
  const Json body = {{"error",
                      {{"message", error.message},
                       {"type", "invalid_request_error"},
                       {"param", error.param.empty() ? Json(nullptr) : Json(error.param)},
                       {"code", error.code}}}};
  const Json result = {
      {"id", RequestId(line)},
      {"custom_id", parsed.has_custom_id ? Json(parsed.custom_id) : Json(nullptr)},
      {"response", {{"status_code", kBadRequest}, {"request_id", RequestId(line)}, {"body", body}}},
      {"error", {{"code", error.code}, {"message", error.message}}}};
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace octet
