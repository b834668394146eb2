// The model.

#ifndef OCTET_RUNTIME_MODEL_MIXTRAL_H_
#define OCTET_RUNTIME_MODEL_MIXTRAL_H_

#include <vector>

#include "runtime/model/attention.h"
#include "runtime/model/moe_layer.h"
#include "runtime/model/rope.h"

namespace octet {

// MixtralForCausalLM (Jiang et al., "Mixtral of Experts", arXiv:2401.04088). What it is made from
// must outlive it.
class Mixtral {
 public:
  // `max_positions` bounds the length of a sequence.
  Mixtral(const ExecutionContext& context, const ModelConfig& config, const ModelWeights& weights,
          const KvCache& kv_cache, Dispatcher& dispatcher, int64_t max_positions,
          RoutingObserver observer);
  Mixtral(const Mixtral&) = delete;
  Mixtral& operator=(const Mixtral&) = delete;

  // Collective: the last hidden states, normed, of the tokens batch.logit_rows, in the workspace:
  // [batch.logit_rows.size(), hidden_size].
  Matrix Forward(const Batch& batch);

  // The logits of rows that Forward gave, [rows, vocab_size], in the workspace.
  Matrix Logits(ConstMatrix hidden);

 private:
  const ExecutionContext& context_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  Rope rope_;
  RoutingObserver observer_;
  std::vector<Attention> attention_;  // [num_layers]
  std::vector<MoeLayer> moe_;         // [num_layers]
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MIXTRAL_H_
