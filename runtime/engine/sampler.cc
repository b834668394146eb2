#include "runtime/engine/sampler.h"

#include <algorithm>

namespace octet {
namespace {

// Below this temperature, float32 shows a probability above 0 for the greatest logit alone.
constexpr float kGreedyBelow = 1e-5F;

// Returns whether token a comes before b: its logit is greater, or equal with a lower id.
bool IsBetter(const float* logits, int32_t a, int32_t b) {
  return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

// Finds the best `count` tokens, best first.
void FindTop(const float* logits, int64_t vocab_size, size_t count, std::vector<int32_t>& top) {
  top.clear();
  for (int32_t token = 0; token < vocab_size && count > 0; ++token) {
    if (top.size() == count) {
      if (!IsBetter(logits, token, top.back())) continue;
      top.pop_back();
    }
    const auto place =
        std::find_if(top.begin(), top.end(), [&](int32_t t) { return IsBetter(logits, token, t); });
    top.insert(place, token);
  }
}

}  // namespace

int32_t Sampler::Draw(ConstMatrix logits, const SampleRequest& request) {
  const PhaseClock::Scope timing(context_.clock, Phase::kSampling);
  const Workspace::Scope scope(context_.workspace);
  const ConstMatrix processed = processors_.Apply(context_.workspace, logits, request);
  const float* values = processed.f32(0);
  if (request.params.temperature() < kGreedyBelow) {
    return static_cast<int32_t>(std::max_element(values, values + processed.cols) - values);
  }
  const Matrix probabilities = context_.workspace.Alloc(1, processed.cols);
  const float scale = 1 / request.params.temperature();
  context_.backend.Softmax(processed, {&scale, 1}, probabilities);
  const float top_p = request.params.top_p();
  return filter_.Draw({probabilities.f32(0), static_cast<size_t>(probabilities.cols)},
                      {.min_p = request.params.min_p(),
                       .top_k = request.params.top_k(),
                       .top_p = top_p == 0 ? 1 : top_p},
                      Uniform(request.key));
}

void Sampler::Logprob(ConstMatrix logits, int32_t token, int num_top, TokenLogprob& result) {
  const PhaseClock::Scope timing(context_.clock, Phase::kSampling);
  const float* values = logits.f32(0);
  float log_sum = 0;
  context_.backend.LogSumExp(logits, {&log_sum, 1});
  int32_t rank = 1;
  for (int32_t t = 0; t < logits.cols; ++t) rank += IsBetter(values, t, token) ? 1 : 0;
  result.set_logprob(values[token] - log_sum);
  result.set_rank(rank);
  FindTop(values, logits.cols, static_cast<size_t>(num_top), top_);
  for (const int32_t t : top_) {
    result.add_top_ids(t);
    result.add_top_logprobs(values[t] - log_sum);
  }
}

}  // namespace octet
