#include "runtime/model/decoder_layer.h"

namespace octet {

DecoderLayer::DecoderLayer(Backend& backend, const ModelConfig& config, int layer,
                           const LayerWeights& weights, const RopeTable& rope, KvBlocks kv,
                           const RoutingHooks& hooks, ExpertLoad& load)
    : layer_(layer),
      weights_(weights),
      eps_(config.rms_norm_eps),
      attention_(config, weights, rope, kv),
      moe_(backend, config, layer, weights, hooks, load) {}

void DecoderLayer::Forward(std::span<MicroBatch> micro_batches) const {
  for (MicroBatch& m : micro_batches) {
    m.Land();  // from the experts of the layer before
    m.wanted == nullptr ? Attend(m) : AttendWanted(m);
    Dispatch(m);
  }
  for (MicroBatch& m : micro_batches) RunExperts(m);
}

void DecoderLayer::AttendWanted(MicroBatch& m) const {
  const Activity::Scope place({"norm", layer_});  // and attention within
  Backend& backend = m.context.backend;
  const Matrix y = m.scratch.Rows(0, m.wanted->num_tokens());
  backend.RmsNorm(m.hidden, weights_.input_layernorm, eps_, m.scratch);
  attention_.Forward(m.context, m.scratch, *m.batch, *m.wanted, y);
  backend.GatherRows(m.hidden, m.batch->logit_rows, m.last);
  m.hidden = m.last;
  m.scratch = y;
  m.batch = m.wanted;
  m.dispatcher.SetTokens(m.batch->num_tokens(), 0);
  backend.Add(m.scratch, m.hidden);
}

void DecoderLayer::Attend(MicroBatch& m) const {
  const Activity::Scope place({"norm", layer_});  // and attention within
  Backend& backend = m.context.backend;
  backend.RmsNorm(m.hidden, weights_.input_layernorm, eps_, m.scratch);
  attention_.Forward(m.context, m.scratch, *m.batch, *m.batch, m.scratch);
  backend.Add(m.scratch, m.hidden);
}

void DecoderLayer::Dispatch(MicroBatch& m) const {
  const Activity::Scope place({"norm", layer_});  // and router within
  m.context.backend.RmsNorm(m.hidden, weights_.post_attention_layernorm, eps_, m.scratch);
  m.tokens.emplace(moe_.Dispatch(m.scratch, m));
}

void DecoderLayer::RunExperts(MicroBatch& m) const {
  const Activity::Scope place({"experts", layer_});
  m.outputs.emplace(moe_.RunExperts(*std::move(m.tokens), m.context));
  m.tokens.reset();
}

void MicroBatch::Land() {
  if (!outputs) return;
  std::move(*outputs).Combine(scratch);
  outputs.reset();
  context.backend.Add(scratch, hidden);
}

}  // namespace octet
