// One layer of the model.

#ifndef OCTET_RUNTIME_MODEL_DECODER_LAYER_H_
#define OCTET_RUNTIME_MODEL_DECODER_LAYER_H_

#include <span>

#include "runtime/model/attention.h"
#include "runtime/model/moe_layer.h"

namespace octet {

// One layer: attention, then the mixture of experts. Each reads the normed hidden states, and its
// output is added to them.
class DecoderLayer {
 public:
  DecoderLayer(Backend& backend, const ModelConfig& config, int layer, const LayerWeights& weights,
               const RopeTable& rope, KvBlocks kv, const RoutingHooks& hooks, ExpertLoad& load);

  // Collective: every rank passes the same number of micro-batches. While the tokens of one travel,
  // another is computed. The experts' outputs are still in flight when this returns;
  // MicroBatch::Land waits for them. In the last layer, a micro-batch with `wanted` goes on with
  // these tokens alone; of the others, it stores the keys and values.
  void Forward(std::span<MicroBatch> micro_batches) const;

  // Takes the layer's experts from `weights` again. Call it between steps, after experts moved.
  void ExpertsMoved() { moe_.UseExperts(weights_); }

 private:
  void Attend(MicroBatch& m) const;
  void AttendWanted(MicroBatch& m) const;
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
