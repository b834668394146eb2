#include "runtime/model/mixtral.h"

#include "parallel/dispatch/device_dispatcher.h"
#include "parallel/dispatch/host_dispatcher.h"

namespace octet {
namespace {

std::unique_ptr<Dispatcher> MakeDispatcher(const ExecutionContext& context,
                                           const MixtralParts& parts, int64_t max_tokens) {
  const DispatchLimits limits = {.max_tokens = max_tokens,
                                 .hidden_size = parts.config.hidden_size,
                                 .topk = parts.config.experts_per_token,
                                 .dtype = context.dtype};
  if (parts.rows != nullptr) {
    return MakeDeviceDispatcher(parts.comm, parts.placement, context.backend, context.workspace,
                                limits, *parts.rows);
  }
  return std::make_unique<HostDispatcher>(parts.comm, parts.placement, context.backend,
                                          context.workspace, limits, parts.replica_policy);
}

}  // namespace

Mixtral::Lane::Lane(const ExecutionContext& own_context, const MixtralParts& parts,
                    int64_t max_tokens)
    : context(own_context),
      dispatcher(MakeDispatcher(context, parts, max_tokens)),
      routing({.on_device = dispatcher->routing_place()}) {}

Mixtral::Mixtral(const ExecutionContext& context, const MixtralParts& parts,
                 const MixtralLimits& limits, RoutingHooks hooks)
    : context_(context),
      config_(parts.config),
      weights_(parts.weights),
      rope_(context.backend, config_.head_dim, config_.rope_theta, limits.max_positions,
            config_.rope_scaling),
      hooks_(std::move(hooks)),
      load_(parts.placement, parts.comm.rank()),
      second_workspace_([&context](size_t bytes) { return context.backend.Allocate(bytes); }) {
  if (limits.second_workspace_bytes > 0) second_workspace_.Reserve(limits.second_workspace_bytes);
  lanes_.emplace_back(context, parts, limits.max_tokens);
  lanes_.emplace_back(
      ExecutionContext{context.backend, second_workspace_, context.clock, context.dtype}, parts,
      (limits.max_tokens + 1) / kMaxMicroBatches);
  for (int l = 0; l < config_.num_layers; ++l) {
    layers_.emplace_back(config_, l, weights_.layers[l], rope_.table(), parts.kv_cache.layer(l),
                         hooks_, load_);
  }
}

Matrix Mixtral::Forward(const Batch& batch, int num_micro_batches) {
  const Matrix last = context_.workspace.Alloc(std::ssize(batch.logit_rows), config_.hidden_size);
  const Workspace::Scope scope(context_.workspace);
  const Workspace::Scope second_scope(second_workspace_);
  MicroBatches micro_batches = Divide(batch, num_micro_batches);
  for (MicroBatch& m : micro_batches) Embed(m);
  for (const DecoderLayer& layer : layers_) layer.Forward(micro_batches);
  for (MicroBatch& m : micro_batches) m.Land();
  for (MicroBatch& m : micro_batches) load_.AddDeviceCounts(m.dispatcher.TakeDeviceCounts());
  TakeLogitRows(micro_batches, last);
  context_.backend.RmsNorm(last, weights_.norm, config_.rms_norm_eps, last);
  return last;
}

Mixtral::MicroBatches Mixtral::Divide(const Batch& batch, int num_micro_batches) {
  MicroBatches micro_batches;
  const int64_t tokens = batch.num_tokens();
  for (int i = 0; i < num_micro_batches; ++i) {
    Lane& lane = lanes_[i];
    const int64_t first = FirstOfMicroBatch(tokens, i, num_micro_batches);
    lane.batch.TakeTokens(batch, first, FirstOfMicroBatch(tokens, i + 1, num_micro_batches));
    Workspace& workspace = lane.context.workspace;
    micro_batches.push_back(
        {.context = lane.context,
         .dispatcher = *lane.dispatcher,
         .first_token = first,
         .batch = lane.batch,
         .routing = lane.routing,
         .hidden = workspace.Alloc(lane.batch.num_tokens(), config_.hidden_size),
         .scratch = workspace.Alloc(lane.batch.num_tokens(), config_.hidden_size)});
  }
  return micro_batches;
}

void Mixtral::Embed(MicroBatch& m) const {
  context_.backend.GatherRows(weights_.embed_tokens, m.batch.tokens, m.hidden);
}

void Mixtral::TakeLogitRows(std::span<const MicroBatch> micro_batches, Matrix rows) const {
  int64_t first = 0;
  for (const MicroBatch& m : micro_batches) {
    const auto count = std::ssize(m.batch.logit_rows);
    context_.backend.GatherRows(m.hidden, m.batch.logit_rows, rows.Rows(first, count));
    first += count;
  }
}

void Mixtral::ExpertsMoved(int layer) {
  for (Lane& lane : lanes_) lane.dispatcher->ExpertsMoved(layer);
  layers_[layer].ExpertsMoved();
  load_.ExpertsMoved(layer);
}

Matrix Mixtral::Logits(ConstMatrix hidden) {
  const PhaseClock::Scope timing(context_.clock, Phase::kHead);
  const Matrix logits = context_.workspace.Alloc(hidden.rows, config_.vocab_size);
  context_.backend.Matmul(hidden, weights_.lm_head, logits);
  return logits;
}

}  // namespace octet
