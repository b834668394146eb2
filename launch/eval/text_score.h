// The score of a model that predicts a text.

#ifndef OCTET_LAUNCH_EVAL_TEXT_SCORE_H_
#define OCTET_LAUNCH_EVAL_TEXT_SCORE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/engine/engine.h"

namespace octet {

// A prompt with some scored tokens. Each is scored by its log-probability after the tokens before
// it.
struct ScoredWindow {
  std::vector<int32_t> prompt;
  int64_t first_scored = 1;  // in the prompt; at least 1, because nothing precedes token 0
};

// The windows of a text, cut as in Hugging Face's guide to perplexity of fixed-length models, but
// with BOS in front of each window. Window i is BOS and tokens [i * stride, i * stride + window) of
// the text, as far as it goes. It scores the tokens that no earlier window has scored. So each
// token of the text is scored once. With a stride below the window, a later window scores only its
// last `stride` tokens, after window - stride tokens of context.
class TextWindows {
 public:
  // 0 < stride <= window, in tokens of the text. `ids` must outlive this object and must not be
  // empty.
  TextWindows(std::span<const int32_t> ids, int32_t bos, int64_t window, int64_t stride)
      : ids_(ids), bos_(bos), window_(window), stride_(stride) {}

  int64_t count() const;
  ScoredWindow Get(int64_t index) const;

 private:
  int64_t End(int64_t index) const;  // in the text's tokens; 0 before the first window

  std::span<const int32_t> ids_;
  int32_t bos_;
  int64_t window_;
  int64_t stride_;
};

struct TextScore {
  int64_t tokens = 0;  // scored
  double nats = 0;     // sum of -log p over them
  bool finite = true;  // false if some logits were not; then windows are left out

  double NatsPerToken() const { return nats / static_cast<double>(tokens); }
  double Perplexity() const;  // e to the NatsPerToken
};

// Collective. Returns the score of windows 0 to `count` - 1 on rank 0. It is the same for any
// number of ranks. The arguments matter on rank 0 only. Closes the engine, and begins no window
// after one whose logits are not finite. A prompt and one more token must fit into the engine's
// max_model_len.
TextScore ScoreWindows(Engine& engine, int rank, int64_t count,
                       const std::function<ScoredWindow(int64_t index)>& get);

}  // namespace octet

#endif  // OCTET_LAUNCH_EVAL_TEXT_SCORE_H_
