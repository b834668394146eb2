// The changes that a request makes to the logits before a token is drawn.

#ifndef OCTET_RUNTIME_ENGINE_LOGITS_PROCESSORS_H_
#define OCTET_RUNTIME_ENGINE_LOGITS_PROCESSORS_H_

#include <span>
#include <vector>

#include "kernels/base/matrix.h"
#include "kernels/base/workspace.h"
#include "runtime/engine/sample_request.h"

namespace octet {

// The chain of logits processors. First, while the answer has fewer than min_tokens tokens, no stop
// token and no end-of-sequence token may come, even if the request ignores the latter. Then
// logit_bias. Then the repetition penalty for each token of the prompt or the answer, and the
// frequency and presence penalties for each token of the answer. Last, bad words and tokens that
// the answer's constraint or allowed_token_ids do not allow are banned. Formulas: vLLM's sampler;
// those of frequency and presence penalties are OpenAI's. Some token of a constraint, or of
// allowed_token_ids, always stays: a ban of another kind that would leave none does not count.
class LogitsProcessors {
 public:
  // Returns whether the request changes logits at all.
  static bool Change(const SampleRequest& request);

  // Returns the processed copy of a row, in the workspace.
  Matrix Apply(Workspace& workspace, ConstMatrix logits, const SampleRequest& request);

 private:
  void Penalize(const SampleRequest& request, std::span<float> logits);
  void Constrain(const SampleRequest& request, std::span<float> logits);

  std::vector<int32_t> counts_;  // [vocab_size] in the answer; 0 between calls
  std::vector<bool> seen_;       // [vocab_size] in prompt or answer; false between calls
  TokenSet allowed_;             // room
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_LOGITS_PROCESSORS_H_
