// The model.

#ifndef OCTET_RUNTIME_MIXTRAL_H_
#define OCTET_RUNTIME_MIXTRAL_H_

#include <vector>

#include "runtime/attention.h"
#include "runtime/moe_layer.h"
#include "runtime/rope.h"

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

  // Collective: the logits [batch.logit_rows.size(), vocab_size] that follow the chosen tokens, in
  // the workspace.
  Matrix Forward(const Batch& batch);

 private:
  Matrix Head(ConstMatrix hidden, const Batch& batch);

  const ExecutionContext& context_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  Rope rope_;
  RoutingObserver observer_;
  std::vector<Attention> attention_;  // [num_layers]
  std::vector<MoeLayer> moe_;         // [num_layers]
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MIXTRAL_H_
