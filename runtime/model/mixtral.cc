#include "runtime/model/mixtral.h"

#include <utility>

#include "parallel/dispatch/device_dispatcher.h"
#include "parallel/dispatch/host_dispatcher.h"

namespace octet {
namespace {

std::unique_ptr<Dispatcher> MakeDispatcher(const ExecutionContext& context,
                                           const MixtralParts& parts, int64_t max_tokens) {
  const DispatchLimits limits = {.max_tokens = max_tokens,
                                 .hidden_size = parts.config.hidden_size,
                                 .topk = parts.config.experts_per_token,
                                 .dtype = RowType(parts.weights.expert_formats, context.dtype)};
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
      can_decode_(parts.rows != nullptr),
      load_(parts.placement, parts.comm.rank()),
      second_workspace_([&context](size_t bytes) { return context.backend.Allocate(bytes); }) {
  if (limits.second_workspace_bytes > 0) second_workspace_.Reserve(limits.second_workspace_bytes);
  lanes_.emplace_back(context, parts, limits.max_tokens);
  lanes_.emplace_back(
      ExecutionContext{context.backend, second_workspace_, context.clock, context.dtype}, parts,
      (limits.max_tokens + 1) / kMaxMicroBatches);
  for (int l = 0; l < config_.num_layers; ++l) {
    layers_.emplace_back(context.backend, config_, l, weights_.layers[l], rope_.table(),
                         parts.kv_cache.layer(l), hooks_, load_);
  }
}

Matrix Mixtral::Forward(const Batch& batch, int num_micro_batches) {
  const Matrix last = context_.workspace.Alloc(std::ssize(batch.logit_rows), config_.hidden_size);
  const Workspace::Scope scope(context_.workspace);
  const Workspace::Scope second_scope(second_workspace_);
  MicroBatches micro_batches = Divide(batch, num_micro_batches);
  HoldLists(num_micro_batches, 0);
  for (MicroBatch& m : micro_batches) m.dispatcher.SetTokens(m.batch->num_tokens(), 0);
  Compute(micro_batches, last);
  return last;
}

Matrix Mixtral::Decode(const Batch& batch, const DecodeShape& shape) {
  Lane& lane = lanes_.front();
  const int64_t tokens = batch.num_tokens();
  lane.batch.TakeTokens(batch, 0, tokens);
  lane.batch.PadTo(shape.tokens);
  const Matrix logits = context_.workspace.Alloc(shape.tokens, config_.vocab_size);
  HoldLists(1, shape.context);
  lane.dispatcher->SetTokens(tokens, shape.tokens);
  RecordedDecode& recorded = decodes_[shape];
  const auto compute = [&] { ComputeLogits(lane, logits); };
  if (!std::exchange(recorded.was_computed, true)) {
    compute();
  } else if (recorded.work == nullptr || !recorded.work->Compute()) {
    recorded.work = context_.backend.Record(compute);
    OCTET_CHECK(recorded.work->Compute());
  }
  return logits;
}

// The memory is the same each time, since nothing else is in the workspace.
void Mixtral::ComputeLogits(Lane& lane, Matrix logits) {
  const Workspace::Scope scope(context_.workspace);
  const Matrix last = context_.workspace.Alloc(logits.rows, config_.hidden_size);
  MicroBatch m = StartLane(lane, 0);
  Compute({&m, 1}, last);
  context_.backend.Matmul(last, weights_.lm_head, logits);
}

void Mixtral::Compute(std::span<MicroBatch> micro_batches, Matrix last) {
  const std::span layers = std::span(std::as_const(layers_));
  for (MicroBatch& m : micro_batches) Embed(m);
  for (const DecoderLayer& layer : layers.first(layers.size() - 1)) layer.Forward(micro_batches);
  FindWanted(micro_batches, last);
  layers.back().Forward(micro_batches);
  for (MicroBatch& m : micro_batches) {
    m.Land();
    if (m.wanted == nullptr) context_.backend.GatherRows(m.hidden, m.batch->logit_rows, m.last);
  }
  context_.backend.RmsNorm(last, weights_.norm, config_.rms_norm_eps, last);
}

// An observer is shown all tokens, also in the last layer.
void Mixtral::FindWanted(std::span<MicroBatch> micro_batches, Matrix last) {
  int64_t first = 0;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    MicroBatch& m = micro_batches[i];
    const auto count = std::ssize(m.batch->logit_rows);
    m.last = last.Rows(first, count);
    first += count;
    if (hooks_.observe || count == m.batch->num_tokens()) continue;
    lanes_[i].wanted.TakeLogitRows(*m.batch);
    m.wanted = &lanes_[i].wanted;
  }
}

Mixtral::MicroBatches Mixtral::Divide(const Batch& batch, int num_micro_batches) {
  MicroBatches micro_batches;
  const int64_t tokens = batch.num_tokens();
  for (int i = 0; i < num_micro_batches; ++i) {
    Lane& lane = lanes_[i];
    const int64_t first = FirstOfMicroBatch(tokens, i, num_micro_batches);
    lane.batch.TakeTokens(batch, first, FirstOfMicroBatch(tokens, i + 1, num_micro_batches));
    micro_batches.push_back(StartLane(lane, first));
  }
  return micro_batches;
}

MicroBatch Mixtral::StartLane(Lane& lane, int64_t first_token) {
  Workspace& workspace = lane.context.workspace;
  const int64_t tokens = lane.batch.num_tokens();
  return {.context = lane.context,
          .dispatcher = *lane.dispatcher,
          .first_token = first_token,
          .batch = &lane.batch,
          .routing = lane.routing,
          .hidden = workspace.Alloc(tokens, config_.hidden_size),
          .scratch = workspace.Alloc(tokens, config_.hidden_size)};
}

void Mixtral::HoldLists(int num_lanes, int64_t context_room) {
  absl::InlinedVector<StepLists, kMaxMicroBatches> lists;
  for (int i = 0; i < num_lanes; ++i) {
    StepLists& of_lane = lists.emplace_back(lanes_[i].batch.Lists());
    of_lane.heads_of_kv = config_.num_heads / config_.num_kv_heads;
    of_lane.context_room = context_room;
  }
  context_.backend.HoldLists(lists);
}

const ExpertLoad& Mixtral::expert_load() {
  for (Lane& lane : lanes_) load_.AddDeviceCounts(lane.dispatcher->TakeDeviceCounts());
  return load_;
}

int64_t Mixtral::CountSeen(const Batch& batch) const {
  const int64_t window = config_.sliding_window.value_or(0);
  int64_t last = 0;
  for (const int32_t row : batch.logit_rows) last += Batch::NumSeen(batch.positions[row], window);
  const int64_t all = batch.NumSeen(window);
  return (config_.num_layers - 1) * all + (hooks_.observe ? all : last);
}

void Mixtral::Embed(MicroBatch& m) const {
  context_.backend.GatherWeights(weights_.embed_tokens, m.batch->tokens, m.hidden);
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
