// What a request changes in the logits before a token is drawn.

#ifndef OCTET_RUNTIME_ENGINE_LOGITS_PROCESSORS_H_
#define OCTET_RUNTIME_ENGINE_LOGITS_PROCESSORS_H_

#include <span>
#include <vector>

#include "kernels/base/matrix.h"
#include "kernels/base/workspace.h"
#include "runtime/engine/sample_request.h"

namespace octet {

// The chain: before min_tokens no stop token and no end-of-sequence token, whether it would end the
// answer or not; logit_bias; then for each token that
// came before, in the prompt or the answer, the repetition penalty, and for each token of the
// answer the frequency and presence penalties. Formulas: vLLM's sampler; the latter two are
// OpenAI's.
class LogitsProcessors {
 public:
  // One row; the same one where the request changes nothing, else a copy in the workspace.
  ConstMatrix Apply(Workspace& workspace, ConstMatrix logits, const SampleRequest& request);

 private:
  void Penalize(const SampleRequest& request, std::span<float> logits);

  std::vector<int32_t> counts_;  // [vocab_size] in the answer; 0 between calls
  std::vector<bool> seen_;       // [vocab_size] in prompt or answer; false between calls
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_LOGITS_PROCESSORS_H_
