// The tokens of one step on one rank.

#ifndef OCTET_RUNTIME_MODEL_BATCH_H_
#define OCTET_RUNTIME_MODEL_BATCH_H_

#include <cstdint>
#include <vector>

#include "kernels/attention.h"

namespace octet {

// Runs of consecutive tokens of several sequences, one run after the other: parts of prompts and
// single new tokens.
struct Batch {
  std::vector<int32_t> tokens;      // [num_tokens]
  std::vector<int32_t> positions;   // [num_tokens]
  std::vector<SequenceSpan> spans;  // [runs]
  std::vector<int32_t> logit_rows;  // the tokens whose logits are wanted, ascending

  int64_t num_tokens() const { return std::ssize(tokens); }

  void Clear() {
    tokens.clear();
    positions.clear();
    spans.clear();
    logit_rows.clear();
  }
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_BATCH_H_
