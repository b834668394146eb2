// The tokens of one step on one rank.

#ifndef OCTET_RUNTIME_MODEL_BATCH_H_
#define OCTET_RUNTIME_MODEL_BATCH_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/base/step_lists.h"

namespace octet {

// The tokens of a step: runs of consecutive tokens, each of one sequence. A run is a part of a
// prompt or a single new token.
struct Batch {
  std::vector<int32_t> tokens;      // [num_tokens]
  std::vector<int32_t> positions;   // [num_tokens]
  std::vector<SequenceSpan> spans;  // [runs]
  std::vector<int64_t> lines;       // [runs] lines of the input
  std::vector<int32_t> logit_rows;  // the tokens whose logits are needed, ascending

  int64_t num_tokens() const { return std::ssize(tokens); }

  // Returns the sum over all tokens of the positions that each one sees: the last `window` ones, or
  // all if `window` is 0.
  int64_t NumSeen(int64_t window) const;
  static int64_t NumSeen(int64_t position, int64_t window);  // by one token

  // Replaces the content with the tokens [first, last) of `whole`.
  void TakeTokens(const Batch& whole, int64_t first, int64_t last);

  // Replaces the content with the tokens of `whole` whose logits are needed.
  void TakeLogitRows(const Batch& whole);

  // Adds tokens, each a run without pages whose logits are needed, until there are `count`.
  void PadTo(int64_t count);

  StepLists Lists() const {
    return {.tokens = tokens, .positions = positions, .logit_rows = logit_rows, .spans = spans};
  }

  void Clear() {
    tokens.clear();
    positions.clear();
    spans.clear();
    lines.clear();
    logit_rows.clear();
  }
};

inline void Batch::TakeLogitRows(const Batch& whole) {
  Clear();
  size_t run = 0;
  for (const int32_t row : whole.logit_rows) {
    while (row >= whole.spans[run].first_row + whole.spans[run].num_rows) ++run;
    const SequenceSpan& from = whole.spans[run];
    const int64_t position = from.start_pos + row - from.first_row;
    const bool follows = !spans.empty() && spans.back().pages.data() == from.pages.data() &&
                         spans.back().start_pos + spans.back().num_rows == position;
    if (follows) {
      ++spans.back().num_rows;
    } else {
      spans.push_back(
          {.first_row = num_tokens(), .num_rows = 1, .start_pos = position, .pages = from.pages});
      lines.push_back(whole.lines[run]);
    }
    logit_rows.push_back(static_cast<int32_t>(num_tokens()));
    tokens.push_back(whole.tokens[row]);
    positions.push_back(whole.positions[row]);
  }
}

inline void Batch::PadTo(int64_t count) {
  for (int64_t row = num_tokens(); row < count; ++row) {
    spans.push_back({.first_row = row, .num_rows = 1});
    lines.push_back(-1);
    tokens.push_back(0);
    positions.push_back(0);
    logit_rows.push_back(static_cast<int32_t>(row));
  }
}

inline int64_t Batch::NumSeen(int64_t position, int64_t window) {
  return window > 0 ? std::min(window, position + 1) : position + 1;
}

inline int64_t Batch::NumSeen(int64_t window) const {
  int64_t seen = 0;
  for (const int32_t position : positions) seen += NumSeen(position, window);
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
