#include "launch/eval/peer_windows.h"

#include <algorithm>

namespace octet {

PeerWindows::PeerWindows(PerplexityConvention convention, std::span<const int32_t> ids, int32_t bos,
                         int64_t window, int64_t stride)
    : convention_(convention), tokens_{bos}, window_(window), stride_(stride) {
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
  if (convention_ == PerplexityConvention::kLlamaCpp) {
    count_ = size() / window_;
    return;
  }
  count_ = 1 + (std::max<int64_t>(0, size() - window_) + stride_ - 1) / stride_;
  const bool last_is_one_token = (count_ - 1) * stride_ + 1 == size();
  if (last_is_one_token) --count_;
}

int64_t PeerWindows::End(int64_t index) const {
  return index < 0 ? 0 : std::min(index * stride_ + window_, size());
}

ScoredWindow PeerWindows::Get(int64_t index) const {
  const bool is_chunk = convention_ == PerplexityConvention::kLlamaCpp;
  const int64_t begin = index * (is_chunk ? window_ : stride_);
  const int64_t end = is_chunk ? begin + window_ : End(index);
  ScoredWindow scored = {.prompt = {tokens_.begin() + begin, tokens_.begin() + end}};
  if (is_chunk) {
    scored.prompt[0] = tokens_[0];
    scored.first_scored = window_ / 2 + 1;
  } else {
    scored.first_scored = std::max<int64_t>(1, End(index - 1) - begin);
  }
  return scored;
}

}  // namespace octet
