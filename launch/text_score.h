// How well a model predicts a text.

#ifndef OCTET_LAUNCH_TEXT_SCORE_H_
#define OCTET_LAUNCH_TEXT_SCORE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/engine/engine.h"

namespace octet {

// A prompt of which some tokens are scored, each by its log-probability after those before it.
struct ScoredWindow {
  std::vector<int32_t> prompt;
  int64_t first_scored = 1;  // in the prompt; at least 1, for nothing comes before token 0
};

// Cuts a text into windows as Hugging Face's guide to perplexity of fixed-length models does, but
// with BOS in front of each window: window i is BOS and tokens [i * stride, i * stride + window) of
// the text, as far as it goes, and scores those that no earlier window has scored. So each token of
// the text is scored once, and with a stride below the window only the last `stride` tokens of a
// later window are, after window - stride tokens of context.
class TextWindows {
 public:
  // 0 < stride <= window, in tokens of the text. `ids` must outlive it and not be empty.
  TextWindows(std::span<const int32_t> ids, int32_t bos, int64_t window, int64_t stride)
      : ids_(ids), bos_(bos), window_(window), stride_(stride) {}

  int64_t count() const;
  ScoredWindow Get(int64_t index) const;

 private:
  int64_t End(int64_t index) const;  // of the text's tokens; 0 before the first window

  std::span<const int32_t> ids_;
  int32_t bos_;
  int64_t window_;
  int64_t stride_;
};

struct TextScore {
  int64_t tokens = 0;  // scored
  double nats = 0;     // sum of -log p over them
  bool finite = true;  // otherwise some logits were not, and windows are left out

  double NatsPerToken() const { return nats / static_cast<double>(tokens); }
  double Perplexity() const;  // e to that
};

// Collective: the score of windows 0 to `count` - 1, the same on any ranks, on rank 0; the
// arguments count there only. Closes the engine, and begins no window after one whose logits are
// not finite. A prompt and one token more must fit into the
// engine's max_model_len.
TextScore ScoreWindows(Engine& engine, int rank, int64_t count,
                       const std::function<ScoredWindow(int64_t index)>& get);

}  // namespace octet

#endif  // OCTET_LAUNCH_TEXT_SCORE_H_
