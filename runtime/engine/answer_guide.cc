#include "runtime/engine/answer_guide.h"

#include <utility>

#include "kernels/base/check.h"
#include "runtime/structured/constraint.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {

const TokenSet& AnswerGuide::Allowed(std::span<const int32_t> answer, bool has_ended) {
  masks_.Read(answer, at_start_, place_);
  may_end_ = masks_.MayEnd(place_);
  return has_ended ? none_ : masks_.Allowed(place_, at_start_);
}

std::unique_ptr<AnswerGuide> Constraints::MakeGuide(const SamplingParams& params,
                                                    std::span<const int32_t> prompt) {
  const SpecialTokens special =
      params.keep_special_tokens() ? SpecialTokens::kKeep : SpecialTokens::kSkip;
  const StreamingDecoder decoder(*tokenizer_, prompt, special);
  return std::make_unique<AnswerGuide>(MasksOf(params.constraint()), decoder.at_start());
}

TokenMasks& Constraints::MasksOf(const AnswerConstraint& constraint) {
  std::string key;
  OCTET_CHECK(constraint.SerializeToString(&key));
  const auto known = masks_.find(key);
  if (known != masks_.end()) return *known->second;
  if (masks_.size() >= kMostKept) {
    std::erase_if(masks_, [](const auto& entry) { return entry.second->num_users == 0; });
  }
  if (!texts_) texts_.emplace(*tokenizer_, vocab_size_);
  absl::StatusOr<Grammar> grammar = MakeGrammar(constraint);
  OCTET_CHECK(grammar.ok()) << grammar.status();
  return *masks_.emplace(std::move(key), std::make_unique<TokenMasks>(*std::move(grammar), *texts_))
              .first->second;
}

}  // namespace octet
