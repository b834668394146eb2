// A sampler of tokens from logits.

#ifndef OCTET_RUNTIME_ENGINE_SAMPLER_H_
#define OCTET_RUNTIME_ENGINE_SAMPLER_H_

#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/logits_processors.h"
#include "runtime/engine/sample_request.h"
#include "runtime/model/execution_context.h"

namespace octet {

// Returns how the request's next token is drawn after its logits processors.
TokenDraw DrawOf(const SampleRequest& request);

// A sampler with the order of vLLM's: banned tokens, logit_bias, penalties, temperature, min_p,
// top_k, top_p, the draw. On the host.
class Sampler {
 public:
  // The rows of vocab_size float32 that Draw takes from the workspace: processed logits,
  // probabilities.
  static constexpr int64_t kMostRows = 2;

  explicit Sampler(const ExecutionContext& context) : context_(context) {}

  // Draws a token. logits: one row, [vocab_size] float32, finite. Tokens with equal logits or
  // probabilities are ordered by id.
  int32_t Draw(ConstMatrix logits, const SampleRequest& request);

  // Writes the log-softmax of `token` in the raw logits, its rank by logit, and the best `num_top`
  // tokens.
  void Logprob(ConstMatrix logits, int32_t token, int num_top, TokenLogprob& result);

 private:
  const ExecutionContext& context_;
  LogitsProcessors processors_;
  std::vector<int32_t> top_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_SAMPLER_H_
