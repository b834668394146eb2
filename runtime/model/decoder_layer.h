// One layer of the model.

#ifndef OCTET_RUNTIME_MODEL_DECODER_LAYER_H_
#define OCTET_RUNTIME_MODEL_DECODER_LAYER_H_

#include "runtime/model/attention.h"
#include "runtime/model/moe_layer.h"

namespace octet {

// Attention and the mixture of experts, each on the normed hidden states and added to them.
class DecoderLayer {
 public:
  DecoderLayer(const ExecutionContext& context, const ModelConfig& config, int layer,
               const LayerWeights& weights, const RopeTable& rope, KvBlocks kv,
               Dispatcher& dispatcher, const RoutingObserver& observer);

  // Collective, in turn, as MoeLayer. hidden: [tokens, hidden_size], the residual stream; scratch:
  // the same shape, kept from one to the next.
  void Attend(const Batch& batch, Matrix hidden, Matrix scratch);
  void Dispatch(Matrix hidden, Matrix scratch);
  void RunExperts();
  void Combine(Matrix hidden, Matrix scratch);

 private:
  const ExecutionContext& context_;
  int layer_;
  const LayerWeights& weights_;
  float eps_;
  Attention attention_;
  MoeLayer moe_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_DECODER_LAYER_H_
