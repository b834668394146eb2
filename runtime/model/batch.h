// The tokens of one step on one rank.

#ifndef OCTET_RUNTIME_MODEL_BATCH_H_
#define OCTET_RUNTIME_MODEL_BATCH_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/base/attention.h"

namespace octet {

// Runs of consecutive tokens of several sequences, one run after the other: parts of prompts and
// single new tokens.
struct Batch {
  std::vector<int32_t> tokens;      // [num_tokens]
  std::vector<int32_t> positions;   // [num_tokens]
  std::vector<SequenceSpan> spans;  // [runs]
  std::vector<int64_t> lines;       // [runs] of the input
  std::vector<int32_t> logit_rows;  // the tokens whose logits are wanted, ascending

  int64_t num_tokens() const { return std::ssize(tokens); }

  // Positions that its tokens see, over all tokens, where each sees the last `window` ones; 0: all.
  int64_t NumSeen(int64_t window) const;

  // Becomes the tokens [first, last) of `whole`.
  void TakeTokens(const Batch& whole, int64_t first, int64_t last);

  void Clear() {
    tokens.clear();
    positions.clear();
    spans.clear();
    lines.clear();
    logit_rows.clear();
  }
};

inline int64_t Batch::NumSeen(int64_t window) const {
  int64_t seen = 0;
  for (const int64_t position : positions) {
    seen += window > 0 ? std::min(window, position + 1) : position + 1;
  }
  return seen;
}

inline void Batch::TakeTokens(const Batch& whole, int64_t first, int64_t last) {
  Clear();
  tokens.assign(whole.tokens.begin() + first, whole.tokens.begin() + last);
  positions.assign(whole.positions.begin() + first, whole.positions.begin() + last);
  for (size_t run = 0; run < whole.spans.size(); ++run) {
    const SequenceSpan& span = whole.spans[run];
    const int64_t begin = std::max(first, span.first_row);
    const int64_t end = std::min(last, span.first_row + span.num_rows);
    if (begin >= end) continue;
    spans.push_back({.first_row = begin - first,
                     .num_rows = end - begin,
                     .start_pos = span.start_pos + begin - span.first_row,
                     .pages = span.pages});
    lines.push_back(whole.lines[run]);
  }
  for (const int32_t row : whole.logit_rows) {
    if (row >= first && row < last) logit_rows.push_back(static_cast<int32_t>(row - first));
  }
}

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_BATCH_H_
