#include "runtime/engine/answer_guide.h"

#include <utility>

#include "kernels/base/check.h"
#include "runtime/structured/constraint.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {

const TokenSet& AnswerGuide::Allowed(std::span<const int32_t> answer, bool has_ended) {
  constraints_.MakeRoomFor(masks_);
  masks_.Read(answer, at_start_, place_);
  may_end_ = masks_.MayEnd(place_);
  const TokenSet& allowed = has_ended ? none_ : masks_.Allowed(place_, at_start_);
  constraints_.CountBytesOf(masks_);
  return allowed;
}

std::unique_ptr<AnswerGuide> Constraints::MakeGuide(const SamplingParams& params,
                                                    std::span<const int32_t> prompt) {
  const SpecialTokens special =
      params.keep_special_tokens() ? SpecialTokens::kKeep : SpecialTokens::kSkip;
  const StreamingDecoder decoder(*tokenizer_, prompt, special);
  return std::make_unique<AnswerGuide>(*this, MasksOf(params.constraint()), decoder.at_start());
}

void Constraints::MakeRoomFor(TokenMasks& masks) {
  masks.latest_use = ++num_uses_;
  while (bytes_ > most_bytes_) {
    auto oldest = masks_.end();
    for (auto entry = masks_.begin(); entry != masks_.end(); ++entry) {
      const TokenMasks& other = *entry->second;
      const bool is_candidate = other.num_users == 0 || other.num_masks() > 0;
      if (!is_candidate) continue;
      if (oldest == masks_.end() || other.latest_use < oldest->second->latest_use) oldest = entry;
    }
    if (oldest == masks_.end()) return;  // grammars alone take more
    if (oldest->second->num_users == 0) {
      bytes_ -= oldest->second->counted_bytes;
      masks_.erase(oldest);
    } else {
      oldest->second->Forget();
      CountBytesOf(*oldest->second);
    }
  }
}

void Constraints::CountBytesOf(TokenMasks& masks) {
  bytes_ += masks.bytes() - masks.counted_bytes;
  masks.counted_bytes = masks.bytes();
}

TokenMasks& Constraints::MasksOf(const AnswerConstraint& constraint) {
  std::string key;
  OCTET_CHECK(constraint.SerializeToString(&key));
  const auto known = masks_.find(key);
  if (known != masks_.end()) return *known->second;
  if (!texts_) texts_.emplace(*tokenizer_, vocab_size_);
  absl::StatusOr<Grammar> grammar = MakeGrammar(constraint);
  OCTET_CHECK(grammar.ok()) << grammar.status();
  TokenMasks& masks =
      *masks_.emplace(std::move(key), std::make_unique<TokenMasks>(*std::move(grammar), *texts_))
           .first->second;
  CountBytesOf(masks);
  return masks;
}

}  // namespace octet
