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

TokenDraw DrawOf(const SampleRequest& request) {
  const SamplingParams& params = request.params;
  if (params.temperature() < kGreedyBelow) return {};
  return {.scale = 1 / params.temperature(),
          .filter = {.min_p = params.min_p(),
                     .top_k = params.top_k(),
                     .top_p = params.top_p() == 0 ? 1 : params.top_p()},
          .u = Uniform(request.key)};
}

int32_t Sampler::Draw(ConstMatrix logits, const SampleRequest& request) {
  const PhaseClock::Scope timing(context_.clock, Phase::kSampling);
  const Workspace::Scope scope(context_.workspace);
  const ConstMatrix processed = processors_.Apply(context_.workspace, logits, request);
  const Matrix probabilities = context_.workspace.Alloc(1, processed.cols);
  const TokenDraw draw = DrawOf(request);
  int32_t token = 0;
  int32_t is_finite = 0;
  context_.backend.DrawTokens(processed, {&draw, 1}, probabilities, {&token, 1}, {&is_finite, 1});
  return token;
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
