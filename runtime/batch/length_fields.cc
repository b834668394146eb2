#include "runtime/batch/length_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "runtime/batch/truncation_fields.h"

namespace octet {
namespace {

constexpr int64_t kDefaultMaxTokens = 16;  // of completions, as OpenAI

// The value of "max_tokens", and which of its names was used.
struct MaxTokens {
  std::optional<int64_t> asked;
  const char* name = "max_tokens";
};

MaxTokens TakeMaxTokens(Fields& body, bool echo) {
  // 0 is allowed only if there is a prompt to show.
  const int64_t least = echo ? 0 : 1;
  const std::optional<int64_t> old_name = body.TakeInteger("max_tokens", least, kMaxInt32);
  const std::optional<int64_t> new_name =
      body.TakeInteger("max_completion_tokens", least, kMaxInt32);
  if (old_name && new_name && *old_name != *new_name) {
    body.Fail("max_completion_tokens", "and 'max_tokens' contradict each other");
  }
  if (new_name) return {new_name, "max_completion_tokens"};
  return {old_name};
}

struct LongestPrompt {
  int64_t length = 0;
  std::string name;  // of its field
};

LongestPrompt FindLongestPrompt(const BatchRequest& request) {
  const auto longest = std::max_element(
      request.prompts.begin(), request.prompts.end(),
      [](const Prompt& a, const Prompt& b) { return a.ids.size() < b.ids.size(); });
  const int64_t length = std::ssize(longest->ids);
  if (request.endpoint == Endpoint::kChatCompletions) return {length, "messages"};
  if (request.prompts.size() == 1) return {length, "prompt"};
  return {length, absl::StrCat("prompt[", longest - request.prompts.begin(), "]")};
}

// Returns the tokens that a cut prompt must leave for the answer: as many as the request asks for.
// If it does not say, as many as vLLM leaves, but 1 for a short model or for prompts of a given
// length.
int64_t AnswerToKeepRoomFor(const MaxTokens& max_tokens, const RequestLimits& limits,
                            const BatchRequest& request) {
  if (max_tokens.asked) return std::max<int64_t>(*max_tokens.asked, 1);
  const bool has_default =
      request.endpoint == Endpoint::kCompletions && limits.max_model_len > kDefaultMaxTokens;
  const bool as_many_as_fit = request.truncation && request.truncation->tokens < 0;
  return has_default && as_many_as_fit ? kDefaultMaxTokens : 1;
}

// The bound on a line's tokens and logprobs, which are held until all are there.
constexpr int64_t kMaxResultSize = int64_t{32} << 20;

// Returns the most tokens and logprobs that the result may have.
int64_t ResultSize(const BatchRequest& request, int64_t longest_prompt, int64_t max_tokens) {
  const SamplingParams& params = request.params;
  const int64_t prompt = longest_prompt * (2 + params.num_prompt_logprobs());
  const int64_t answer = max_tokens * (2 + params.num_logprobs());
  return request.num_choices() * (prompt + answer);
}

}  // namespace

void TakeLengths(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  const MaxTokens max_tokens = TakeMaxTokens(body, request.echo);
  const int64_t min_tokens = body.TakeInteger("min_tokens", 0, kMaxInt32).value_or(0);
  if (!body.ok()) return;  // there may be no prompt
  CutPrompts(limits, AnswerToKeepRoomFor(max_tokens, limits, request), body, request);
  if (!body.ok()) return;
  const LongestPrompt prompt = FindLongestPrompt(request);
  const int64_t room = limits.max_model_len - prompt.length;
  if (room < 1) {
    return body.Fail(prompt.name,
                     absl::StrCat("has ", prompt.length, " tokens; with an answer it may have ",
                                  limits.max_model_len, " (--max-model-len)"),
                     "context_length_exceeded");
  }
  const bool is_chat = request.endpoint == Endpoint::kChatCompletions;
  const int64_t of_chat = limits.defaults.max_tokens.value_or(room);
  const int64_t otherwise = std::min(is_chat ? of_chat : kDefaultMaxTokens, room);
  int64_t most = max_tokens.asked.value_or(otherwise);
  if (most > room && body.findings().lenient) {
    body.Note(absl::StrCat("'", max_tokens.name,
                           "' is more than fits; such answers end with the context (--lenient)"));
    most = room;
  }
  if (most > room) {
    return body.Fail(max_tokens.name,
                     absl::StrCat("is ", most, "; after '", prompt.name, "' of ", prompt.length,
                                  " tokens there is room for ", room, " (--max-model-len ",
                                  limits.max_model_len, ")"),
                     "context_length_exceeded");
  }
  if (min_tokens > most) {
    return body.Fail("min_tokens", absl::StrCat("is ", min_tokens, "; '", max_tokens.name,
                                                "' allows no more than ", most));
  }
  const int64_t size = ResultSize(request, prompt.length, most);
  if (size > kMaxResultSize) {
    return body.Fail(prompt.name, absl::StrCat("asks for up to ", size,
                                               " tokens and logprobs in one "
                                               "result; at most ",
                                               kMaxResultSize));
  }
  request.generate = most > 0;
  request.params.set_max_tokens(static_cast<int32_t>(std::max<int64_t>(most, 1)));
  request.params.set_min_tokens(static_cast<int32_t>(min_tokens));
}

}  // namespace octet
