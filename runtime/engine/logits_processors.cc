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

// Above kNever, also where penalties made a logit as small as that.
constexpr float kLeastAllowed = kNever / 2;

// Returns whether an end-of-sequence token ended the answer, though the request ignores that.
bool HasEnded(const SampleRequest& request) {
  if (request.answer.empty()) return false;
  const std::span<const int32_t> ends = request.eos_token_ids;
  return std::find(ends.begin(), ends.end(), request.answer.back()) != ends.end();
}

// Calls `use` with each token that would complete one of the bad words.
template <class Use>
void ForEachBadToken(const SampleRequest& request, const Use& use) {
  for (const TokenList& word : request.params.bad_words()) {
    const std::span<const int32_t> ids(word.ids().data(), static_cast<size_t>(word.ids_size()));
    const std::span<const int32_t> before = ids.first(ids.size() - 1);
    if (before.size() > request.answer.size()) continue;
    if (std::ranges::equal(request.answer.last(before.size()), before)) use(ids.back());
  }
}

void SuppressStopTokens(const SampleRequest& request, std::span<float> logits) {
  for (const int32_t id : request.params.stop_token_ids()) logits[id] = kNever;
  for (const int32_t id : request.eos_token_ids) logits[id] = kNever;
}

// Bans all other tokens than these ids, in ascending order; none are all.
void BanAllBut(const google::protobuf::RepeatedField<int32_t>& ids, std::span<float> logits) {
  if (ids.empty()) return;
  auto banned = logits.begin();
  for (const int32_t id : ids) {
    std::fill(banned, logits.begin() + id, kNever);
    logits[id] = std::max(logits[id], kLeastAllowed);
    banned = logits.begin() + id + 1;
  }
  std::fill(banned, logits.end(), kNever);
}

}  // namespace

bool LogitsProcessors::Change(const SampleRequest& request) {
  const SamplingParams& params = request.params;
  return request.guide != nullptr || BansTheEnd(request) || HasPenalties(params) ||
         !params.logit_bias().empty() || !params.bad_words().empty() ||
         !params.allowed_token_ids().empty();
}

Matrix LogitsProcessors::Apply(Workspace& workspace, ConstMatrix logits,
                               const SampleRequest& request) {
  const SamplingParams& params = request.params;
  const Matrix copy = workspace.Alloc(1, logits.cols);
  const std::span<float> row(copy.f32(0), static_cast<size_t>(copy.cols));
  std::copy_n(logits.f32(0), logits.cols, row.begin());
  if (BansTheEnd(request)) SuppressStopTokens(request, row);
  for (const LogitBias& b : params.logit_bias()) row[b.token_id()] += b.bias();
  if (HasPenalties(params)) Penalize(request, row);
  if (request.guide != nullptr) {
    Constrain(request, row);
  } else {
    ForEachBadToken(request, [row](int32_t id) { row[id] = kNever; });
    BanAllBut(params.allowed_token_ids(), row);
  }
  return copy;
}

// Bans all tokens but those that the constraint allows.
void LogitsProcessors::Constrain(const SampleRequest& request, std::span<float> logits) {
  const TokenSet& texts = request.guide->Allowed(request.answer, HasEnded(request));
  const bool may_end = request.guide->may_end();
  const auto for_each_end = [&request](const auto& use) {
    std::ranges::for_each(request.eos_token_ids, use);
    std::ranges::for_each(request.params.stop_token_ids(), use);
  };
  allowed_ = texts;
  for_each_end([this](int32_t id) { allowed_.Remove(id); });
  ForEachBadToken(request, [this](int32_t id) { allowed_.Remove(id); });
  if (may_end && (!BansTheEnd(request) || allowed_.empty())) {
    for_each_end([this](int32_t id) { allowed_.Insert(id); });
  }
  if (allowed_.empty()) allowed_ = texts;
  for (size_t id = 0; id < logits.size(); ++id) {
    const bool is_allowed = allowed_.Contains(static_cast<int32_t>(id));
    logits[id] = is_allowed ? std::max(logits[id], kLeastAllowed) : kNever;
  }
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
