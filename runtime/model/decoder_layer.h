// One layer of the model.

#ifndef OCTET_RUNTIME_MODEL_DECODER_LAYER_H_
#define OCTET_RUNTIME_MODEL_DECODER_LAYER_H_

#include <span>

#include "runtime/model/attention.h"
#include "runtime/model/moe_layer.h"

namespace octet {

// Attention and the mixture of experts, each on the normed hidden states and added to them.
class DecoderLayer {
 public:
  DecoderLayer(const ModelConfig& config, int layer, const LayerWeights& weights,
               const RopeTable& rope, KvBlocks kv, const RoutingHooks& hooks, ExpertLoad& load);

  // Collective: so many micro-batches on all ranks. While the tokens of one travel, another is
  // computed; so the experts' outputs are left in flight (MicroBatch::Land).
  void Forward(std::span<MicroBatch> micro_batches) const;

  // Between steps: experts have come or gone.
  void ExpertsMoved() { moe_.UseExperts(weights_); }

 private:
  void Attend(MicroBatch& m) const;
  void Dispatch(MicroBatch& m) const;
  void RunExperts(MicroBatch& m) const;

  int layer_;
  const LayerWeights& weights_;
  float eps_;
  Attention attention_;
  MoeLayer moe_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_DECODER_LAYER_H_
