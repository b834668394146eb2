// From logits to tokens.

#ifndef OCTET_RUNTIME_ENGINE_SAMPLER_H_
#define OCTET_RUNTIME_ENGINE_SAMPLER_H_

#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/logits_processors.h"
#include "runtime/engine/sample_request.h"
#include "runtime/engine/token_filter.h"
#include "runtime/model/execution_context.h"

namespace octet {

// The order of vLLM's sampler: tokens that may not come yet, logit_bias, penalties, temperature,
// min_p, top_k, top_p, the draw.
class Sampler {
 public:
  // Rows of vocab_size float32 that Draw takes from the workspace: processed logits, probabilities.
  static constexpr int64_t kMostRows = 2;

  explicit Sampler(const ExecutionContext& context) : context_(context) {}

  // logits: one row, [vocab_size] float32. Equal logits and equal probabilities count in the order
  // of their ids.
  int32_t Draw(ConstMatrix logits, const SampleRequest& request);

  // The log-softmax of `token` in the raw logits, its rank, and the best `num_top` tokens.
  void Logprob(ConstMatrix logits, int32_t token, int num_top, TokenLogprob& result);

 private:
  const ExecutionContext& context_;
  LogitsProcessors processors_;
  TokenFilter filter_;
  std::vector<int32_t> top_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_SAMPLER_H_
