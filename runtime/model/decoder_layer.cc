#include "runtime/model/decoder_layer.h"

namespace octet {

DecoderLayer::DecoderLayer(const ExecutionContext& context, const ModelConfig& config, int layer,
                           const LayerWeights& weights, const RopeTable& rope, KvBlocks kv,
                           Dispatcher& dispatcher, const RoutingObserver& observer)
    : context_(context),
      layer_(layer),
      weights_(weights),
      eps_(config.rms_norm_eps),
      attention_(context, config, weights, rope, kv),
      moe_(context, layer, weights, config.experts_per_token, dispatcher, observer) {}

void DecoderLayer::Attend(const Batch& batch, Matrix hidden, Matrix scratch) {
  const Activity::Scope place({"norm", layer_});  // and attention within
  context_.backend.RmsNorm(hidden, weights_.input_layernorm, eps_, scratch);
  attention_.Forward(scratch, batch, scratch);
  context_.backend.Add(scratch, hidden);
}

void DecoderLayer::Dispatch(Matrix hidden, Matrix scratch) {
  const Activity::Scope place({"norm", layer_});  // and router within
  context_.backend.RmsNorm(hidden, weights_.post_attention_layernorm, eps_, scratch);
  moe_.Dispatch(scratch);
}

void DecoderLayer::RunExperts() {
  const Activity::Scope place({"experts", layer_});
  moe_.RunExperts();
}

void DecoderLayer::Combine(Matrix hidden, Matrix scratch) {
  const Activity::Scope place({"norm", layer_});
  moe_.Combine(scratch);
  context_.backend.Add(scratch, hidden);
}

}  // namespace octet
