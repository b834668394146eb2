#include "launch/chat/answerer.h"

#include <absl/strings/str_format.h>

#include <chrono>
#include <utility>

#include "launch/chat/answer_stream.h"
#include "launch/statistics/seconds_since.h"

namespace octet {
namespace {

using AnswerClock = std::chrono::steady_clock;

double RateOf(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

std::string DescribeRates(const AnswerRates& r) {
  const int64_t later = r.answer_tokens - 1;
  return absl::StrFormat(
      "prompt %d tokens, %d of them kept, %.2f tokens/s; first token after %.3f s; answer %d "
      "tokens, %.2f tokens/s",
      r.prompt_tokens, r.prompt_tokens - r.computed_prompt_tokens,
      RateOf(r.computed_prompt_tokens, r.first_token_seconds), r.first_token_seconds,
      r.answer_tokens, RateOf(later, r.later_tokens_seconds));
}

Answerer::Answerer(Engine& engine, const Tokenizer& tokenizer)
    : engine_(engine), tokenizer_(tokenizer) {
  engine_.SetOnToken([this](const SampledToken& sampled) { tokens_.push_back(sampled.token()); });
}

void Answerer::Submit(const BatchRequest& request) {
  NewSequence sequence;
  sequence.set_id(num_answers_);
  sequence.set_line(++num_answers_);
  const std::vector<int32_t>& ids = request.prompts[0].ids;
  sequence.mutable_prompt_ids()->Add(ids.begin(), ids.end());
  *sequence.mutable_params() = request.params;
  sequence.set_home(0);
  engine_.Submit(std::move(sequence));
}

ComputedAnswer Answerer::Answer(const BatchRequest& request,
                                const std::function<void(const std::string& piece)>& show,
                                const std::function<bool()>& stop) {
  const AnswerClock::time_point start = AnswerClock::now();
  const int64_t computed_before = engine_.stats().prompt_tokens;
  AnswerStream stream(tokenizer_, request);
  AnswerRates rates = {.prompt_tokens = std::ssize(request.prompts[0].ids)};
  std::vector<FinishedSequence> finished;
  bool stopping = false;
  Submit(request);
  while (finished.empty()) {
    if (!stopping && stop()) {
      engine_.Cancel(num_answers_ - 1);
      stopping = true;
    }
    tokens_.clear();
    engine_.Step(finished);
    if (!tokens_.empty() && rates.first_token_seconds == 0) {
      rates.first_token_seconds = SecondsSince(start);
    }
    if (!finished.empty()) break;
    for (const int32_t token : tokens_) show(stream.Add(token));
  }
  rates.later_tokens_seconds = SecondsSince(start) - rates.first_token_seconds;
  rates.answer_tokens = finished[0].token_ids_size();
  rates.computed_prompt_tokens = engine_.stats().prompt_tokens - computed_before;
  if (finished[0].finish_reason() != NOT_FINITE) show(stream.Finish(finished[0]));
  return {.finished = std::move(finished[0]), .text = stream.text(), .rates = rates};
}

}  // namespace octet
