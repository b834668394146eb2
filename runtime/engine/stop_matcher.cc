#include "runtime/engine/stop_matcher.h"

#include <algorithm>

namespace octet {

StopMatcher::StopMatcher(const Tokenizer& tokenizer, std::span<const int32_t> prompt,
                         const SamplingParams& params)
    : params_(params),
      decoder_(tokenizer, prompt,
               params.keep_special_tokens() ? SpecialTokens::kKeep : SpecialTokens::kSkip) {
  for (const std::string& stop : params.stop()) longest_ = std::max(longest_, stop.size());
}

std::optional<StopText> StopMatcher::Add(int32_t token) {
  const size_t known = std::min(tail_.size(), longest_ - 1);
  tail_offset_ += static_cast<int64_t>(tail_.size() - known);
  tail_.erase(0, tail_.size() - known);
  tail_ += decoder_.Add(token);
  if (++num_tokens_ <= params_.min_tokens()) return std::nullopt;
  for (int i = 0; i < params_.stop_size(); ++i) {
    const std::string& stop = params_.stop(i);
    // A text that ended before this token does not count.
    const size_t from = known - std::min(known, stop.size() - 1);
    const size_t found = tail_.find(stop, from);
    if (found == std::string::npos) continue;
    StopText text;
    text.set_index(i);
    text.set_offset(tail_offset_ + static_cast<int64_t>(found));
    return text;
  }
  return std::nullopt;
}

}  // namespace octet
