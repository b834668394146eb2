#include "runtime/model/mixtral.h"

namespace octet {

Mixtral::Mixtral(const ExecutionContext& context, const ModelConfig& config,
                 const ModelWeights& weights, const KvCache& kv_cache, Dispatcher& dispatcher,
                 int64_t max_positions, RoutingObserver observer)
    : context_(context),
      config_(config),
      weights_(weights),
      rope_(config.head_dim, config.rope_theta, max_positions),
      observer_(std::move(observer)) {
  for (int l = 0; l < config.num_layers; ++l) {
    const LayerWeights& layer = weights.layers[l];
    attention_.emplace_back(context, config, layer, rope_.table(), kv_cache.layer(l));
    moe_.emplace_back(context, l, layer, config.experts_per_token, dispatcher, observer_);
  }
}

Matrix Mixtral::Forward(const Batch& batch) {
  Backend& backend = context_.backend;
  const float eps = config_.rms_norm_eps;
  const Matrix last = context_.workspace.Alloc(std::ssize(batch.logit_rows), config_.hidden_size);
  const Workspace::Scope scope(context_.workspace);
  const Matrix hidden = context_.workspace.Alloc(batch.num_tokens(), config_.hidden_size);
  const Matrix normed = context_.workspace.Alloc(batch.num_tokens(), config_.hidden_size);

  backend.GatherRows(weights_.embed_tokens, batch.tokens, hidden);
  for (int l = 0; l < config_.num_layers; ++l) {
    const Activity::Scope place({"norm", l});  // and attention, router, experts within
    backend.RmsNorm(hidden, weights_.layers[l].input_layernorm, eps, normed);
    attention_[l].Forward(normed, batch, normed);
    backend.Add(normed, hidden);

    backend.RmsNorm(hidden, weights_.layers[l].post_attention_layernorm, eps, normed);
    moe_[l].Forward(normed, normed);
    backend.Add(normed, hidden);
  }
  backend.GatherRows(hidden, batch.logit_rows, last);
  backend.RmsNorm(last, weights_.norm, eps, last);
  return last;
}

Matrix Mixtral::Logits(ConstMatrix hidden) {
  const PhaseClock::Scope timing(context_.clock, Phase::kHead);
  const Matrix logits = context_.workspace.Alloc(hidden.rows, config_.vocab_size);
  context_.backend.Matmul(hidden, weights_.lm_head, logits);
  return logits;
}

}  // namespace octet
