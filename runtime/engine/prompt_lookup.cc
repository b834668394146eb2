#include "runtime/engine/prompt_lookup.h"

#include <algorithm>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Returns how many tokens before `end` are the last ones of `tokens`, up to kMostAlike.
int64_t CountAlikeBefore(std::span<const int32_t> tokens, int64_t end) {
  const int64_t most = std::min(end, PromptLookup::kMostAlike);
  const int64_t size = std::ssize(tokens);
  int64_t alike = 0;
  while (alike < most && tokens[end - 1 - alike] == tokens[size - 1 - alike]) ++alike;
  return alike;
}

}  // namespace

// After a right guess, the next one is what followed there: more tokens are alike than before.
void PromptLookup::Add(std::span<const int32_t> tokens) {
  if (has_guess()) {
    const bool is_right = tokens[next_] == tokens.back();
    right_ = static_cast<uint8_t>(right_ << 1 | (is_right ? 1 : 0));
    ++next_;
    if (is_right) return;
  }
  next_ = kNowhere;
  int64_t most = kLeastAlike - 1;
  for (int64_t end = std::ssize(tokens) - 1; end > 0 && most < kMostAlike; --end) {
    const int64_t alike = CountAlikeBefore(tokens, end);
    if (alike <= most) continue;
    most = alike;
    next_ = end;
  }
}

// What reaches the end of the text goes on with itself.
void PromptLookup::AddDraft(int64_t count, std::vector<int32_t>& tokens) const {
  OCTET_CHECK(has_guess());
  for (int64_t i = 0; i < count; ++i) tokens.push_back(tokens[next_ + i]);
}

}  // namespace octet
