// The windows in which other programs score a text.

#ifndef OCTET_LAUNCH_EVAL_PEER_WINDOWS_H_
#define OCTET_LAUNCH_EVAL_PEER_WINDOWS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "launch/eval/text_score.h"

namespace octet {

enum class PerplexityConvention {
  kOctet,        // TextWindows
  kHuggingFace,  // "Perplexity of fixed-length models" of transformers' documentation
  kLlamaCpp,     // llama-perplexity without --ppl-stride
};

// The windows of a text that begins with a BOS, by another program's convention.
//
// Hugging Face: window i is the tokens [i * stride, i * stride + window). It scores those that no
// earlier window has, but never its own first one, before which the model has seen nothing.
//
// llama.cpp: window i is the i-th chunk of `window` tokens, with BOS in place of its first one. It
// scores those behind the position window / 2. What is left at the end counts nowhere.
class PeerWindows {
 public:
  // 1 < window, 0 < stride <= window; llama.cpp has no stride. The convention is not kOctet.
  PeerWindows(PerplexityConvention convention, std::span<const int32_t> ids, int32_t bos,
              int64_t window, int64_t stride);

  // Windows that score something.
  int64_t count() const { return count_; }
  ScoredWindow Get(int64_t index) const;

 private:
  int64_t size() const { return std::ssize(tokens_); }
  int64_t End(int64_t index) const;  // 0 before the first window

  PerplexityConvention convention_;
  std::vector<int32_t> tokens_;  // with BOS
  int64_t window_;
  int64_t stride_;
  int64_t count_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_EVAL_PEER_WINDOWS_H_
