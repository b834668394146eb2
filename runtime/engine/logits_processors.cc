#include "runtime/engine/logits_processors.h"

#include <algorithm>
#include <limits>

namespace octet {
namespace {

bool BansTheEnd(const SampleRequest& request) {
  return std::ssize(request.answer) < request.params.min_tokens();
}

float RepetitionPenalty(const SamplingParams& params) {
  return params.repetition_penalty() == 0 ? 1 : params.repetition_penalty();
}

bool HasPenalties(const SamplingParams& params) {
  return RepetitionPenalty(params) != 1 || params.frequency_penalty() != 0 ||
         params.presence_penalty() != 0;
}

// Not infinite: if all tokens are banned, infinities would make the probabilities NaN.
constexpr float kNever = std::numeric_limits<float>::lowest();

void SuppressStopTokens(const SampleRequest& request, std::span<float> logits) {
  for (const int32_t id : request.params.stop_token_ids()) logits[id] = kNever;
  for (const int32_t id : request.eos_token_ids) logits[id] = kNever;
}

}  // namespace

bool LogitsProcessors::Change(const SampleRequest& request) {
  return BansTheEnd(request) || HasPenalties(request.params) ||
         !request.params.logit_bias().empty();
}

ConstMatrix LogitsProcessors::Apply(Workspace& workspace, ConstMatrix logits,
                                    const SampleRequest& request) {
  if (!Change(request)) return logits;
  const SamplingParams& params = request.params;
  const Matrix copy = workspace.Alloc(1, logits.cols);
  const std::span<float> row(copy.f32(0), static_cast<size_t>(copy.cols));
  std::copy_n(logits.f32(0), logits.cols, row.begin());
  if (BansTheEnd(request)) SuppressStopTokens(request, row);
  for (const LogitBias& b : params.logit_bias()) row[b.token_id()] += b.bias();
  if (HasPenalties(params)) Penalize(request, row);
  return copy;
}

void LogitsProcessors::Penalize(const SampleRequest& request, std::span<float> logits) {
  const SamplingParams& params = request.params;
  const float repetition = RepetitionPenalty(params);
  counts_.resize(logits.size());
  seen_.resize(logits.size());
  for (const int32_t id : request.answer) ++counts_[id];
  for (const std::span<const int32_t> tokens : {request.prompt, request.answer}) {
    for (const int32_t id : tokens) {
      if (seen_[id]) continue;
      seen_[id] = true;
      float& logit = logits[id];
      logit = std::clamp(logit > 0 ? logit / repetition : logit * repetition, kNever, -kNever);
      if (counts_[id] == 0) continue;
      logit -= params.frequency_penalty() * static_cast<float>(counts_[id]);
      logit -= params.presence_penalty();
    }
  }
  for (const int32_t id : request.prompt) seen_[id] = false;
  for (const int32_t id : request.answer) {
    seen_[id] = false;
    counts_[id] = 0;
  }
}

}  // namespace octet
