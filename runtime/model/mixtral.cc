#include "runtime/model/mixtral.h"

namespace octet {

Mixtral::Mixtral(const ExecutionContext& context, const MixtralParts& parts,
                 const MixtralLimits& limits, RoutingObserver observer)
    : context_(context),
      config_(parts.config),
      weights_(parts.weights),
      rope_(config_.head_dim, config_.rope_theta, limits.max_positions, config_.rope_scaling),
      observer_(std::move(observer)),
      second_workspace_([&context](size_t bytes) { return context.backend.Allocate(bytes); }) {
  if (limits.second_workspace_bytes > 0) second_workspace_.Reserve(limits.second_workspace_bytes);
  AddMicroBatch(context, parts, limits.max_tokens);
  AddMicroBatch({context.backend, second_workspace_, context.clock, context.dtype}, parts,
                (limits.max_tokens + 1) / 2);
}

void Mixtral::AddMicroBatch(const ExecutionContext& context, const MixtralParts& parts,
                            int64_t max_tokens) {
  micro_batches_.push_back(
      {.context = context,
       .dispatcher = Dispatcher(parts.comm, parts.placement, context.backend, context.workspace,
                                {.max_tokens = max_tokens,
                                 .hidden_size = config_.hidden_size,
                                 .topk = config_.experts_per_token,
                                 .dtype = context.dtype}),
       .layers = {},
       .batch = {}});
  MicroBatch& m = micro_batches_.back();
  for (int l = 0; l < config_.num_layers; ++l) {
    m.layers.emplace_back(m.context, config_, l, weights_.layers[l], rope_.table(),
                          parts.kv_cache.layer(l), m.dispatcher, observer_);
  }
}

void Mixtral::Embed(MicroBatch& m) {
  m.hidden = m.context.workspace.Alloc(m.batch.num_tokens(), config_.hidden_size);
  m.scratch = m.context.workspace.Alloc(m.batch.num_tokens(), config_.hidden_size);
  context_.backend.GatherRows(weights_.embed_tokens, m.batch.tokens, m.hidden);
}

Matrix Mixtral::Forward(const Batch& batch, int num_micro_batches) {
  const Matrix last = context_.workspace.Alloc(std::ssize(batch.logit_rows), config_.hidden_size);
  const Workspace::Scope scope(context_.workspace);
  const Workspace::Scope second_scope(second_workspace_);
  const auto micro_batches = [&](auto f) {
    for (int i = 0; i < num_micro_batches; ++i) f(micro_batches_[i], i);
  };

  micro_batches([&](MicroBatch& m, int i) {
    const int64_t tokens = batch.num_tokens();
    m.batch.TakeTokens(batch, tokens * i / num_micro_batches, tokens * (i + 1) / num_micro_batches);
    Embed(m);
  });
  // A layer's outputs come back while the other micro-batch's experts run; so they are waited for
  // at the next layer's beginning.
  for (int l = 0; l < config_.num_layers; ++l) {
    micro_batches([&](MicroBatch& m, int) {
      if (l > 0) m.Combine(l - 1);
      m.Attend(l);
      m.Dispatch(l);
    });
    micro_batches([&](MicroBatch& m, int) { m.RunExperts(l); });
  }
  int64_t row = 0;
  micro_batches([&](MicroBatch& m, int) {
    m.Combine(config_.num_layers - 1);
    const auto rows = std::ssize(m.batch.logit_rows);
    context_.backend.GatherRows(m.hidden, m.batch.logit_rows, last.Rows(row, rows));
    row += rows;
  });
  context_.backend.RmsNorm(last, weights_.norm, config_.rms_norm_eps, last);
  return last;
}

Matrix Mixtral::Logits(ConstMatrix hidden) {
  const PhaseClock::Scope timing(context_.clock, Phase::kHead);
  const Matrix logits = context_.workspace.Alloc(hidden.rows, config_.vocab_size);
  context_.backend.Matmul(hidden, weights_.lm_head, logits);
  return logits;
}

}  // namespace octet
