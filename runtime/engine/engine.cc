#include "runtime/engine/engine.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>

#include "runtime/engine/step_memory.h"
#include "runtime/engine/weight_scan.h"

namespace octet {
namespace {

std::optional<HomeAffinity> MakeAffinity(const EngineRanks& ranks, const EngineModel& model,
                                         const EngineOptions& options) {
  if (options.signatures == nullptr) return std::nullopt;
  return HomeAffinity(options.signatures, model.placement, ranks.world.hosts());
}

}  // namespace

Engine::Engine(EngineRanks ranks, Backend& backend, const EngineModel& model,
               const EngineOptions& options)
    : world_(ranks.world),
      given_(model),
      placement_(model.placement),
      workspace_([&backend](size_t bytes) { return backend.Allocate(bytes); }),
      context_{backend, workspace_, clock_, options.dtype},
      host_workspace_([&backend](size_t bytes) { return backend.AllocateOnHost(bytes); }),
      host_{backend.host(), backend.is_on_host() ? workspace_ : host_workspace_, clock_,
            options.dtype},
      kv_cache_(backend, model.config, options.dtype, options.limits.pages[ranks.world.rank()]),
      model_(context_,
             {model.config, model.weights, kv_cache_, placement_, ranks.group,
              options.replica_policy, ranks.rows},
             {.max_tokens = options.limits.MaxTokensPerRank(),
              .max_positions = options.max_model_len,
              .second_workspace_bytes = StepMemory(model.config, options).second_workspace},
             {.observe = MakeObserver(options), .override_experts = options.override_experts}),
      runner_(context_, host_, model.config, model.tokenizer, model_, kv_cache_, options.seed),
      affinity_(MakeAffinity(ranks, model, options)),
      scheduler_(options.limits, options.home_policy, affinity_ ? &*affinity_ : nullptr),
      messenger_(ranks.world),
      outgoing_steps_(ranks.world.size()) {
  const StepMemory memory(model.config, options);
  workspace_.Reserve(memory.workspace);
  backend.ReserveScratch(memory.scratch);
  OCTET_CHECK(options.limits.num_ranks() == ranks.world.size());
  OCTET_CHECK(options.limits.group_size == ranks.group.size());
  OCTET_CHECK(!options.override_experts || !options.limits.prefix_cache);
  if (!options.rebalance.rooms.empty()) {
    const int rank = ranks.group.rank();
    mover_ = std::make_unique<ExpertMover>(
        ranks.group, backend, model.config, placement_, model.weights,
        options.rebalance.rooms[rank] - placement_.CountPairs()[rank]);
    rebalancer_ = std::make_unique<Rebalancer>(options.rebalance, placement_);
  }
  if (options.limits.drafts.of_sequence > 0) runner_.StartGuessing();
  if (!options.record_routing && !options.return_routed_experts) return;
  OCTET_CHECK(options.limits.drafts.of_sequence == 0) << "wrong draft tokens would be recorded";
  recorder_.emplace(RankCounters{ranks.world, ranks.group, model_.expert_load(), clock_},
                    placement_, model.config.experts_per_token);
  runner_.SetRecorder(&*recorder_, {.in_steps = options.record_routing,
                                    .in_sequences = options.return_routed_experts});
}

RoutingObserver Engine::MakeObserver(const EngineOptions& options) {
  if (!options.record_routing && !options.return_routed_experts) return nullptr;
  return [this](const RoutedTokens& tokens) { recorder_->AddLayer(tokens); };
}

bool Engine::Step(std::vector<FinishedSequence>& finished) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  ReceiveStep();
  if (step_.stop()) {
    if (mover_) mover_->Abandon();
    return false;
  }
  if (mover_) FollowMoves();
  RunStep();
  SendResult(finished);
  CountStep(std::chrono::duration<double>(Clock::now() - start).count());
  return true;
}

// Collective. Does what the step says about experts that move.
void Engine::FollowMoves() {
  if (step_.use_moved_layer()) UseMovedLayer();
  if (!step_.has_move_experts()) return;
  const absl::StatusOr<ExpertPlacement> target =
      ExpertPlacement::FromProto(step_.move_experts(), placement_.shape());
  OCTET_CHECK(target.ok()) << target.status();
  mover_->Begin(*target);
}

void Engine::UseMovedLayer() {
  const int layer = mover_->UseLayer();
  model_.ExpertsMoved(layer);
  if (recorder_) recorder_->ExpertsMoved(layer);
  stats_.experts_moved = mover_->experts_moved() * (world_.size() / placement_.num_ranks());
  if (on_placement_) on_placement_(placement_);
}

void Engine::RunStep() {
  StepResult& result = runner_.Run(step_);
  if (step_.scan_weights()) {
    *result.mutable_worst_weight() =
        FindWorstWeight(given_.weights, given_.tensors, context_.backend);
  }
  if (mover_) AddMoves(result);
  OCTET_CHECK(result.SerializeToString(&outgoing_result_));
}

void Engine::AddMoves(StepResult& result) {
  result.set_experts_have_moved(mover_->HasMoved());
  if (!step_.count_experts()) return;
  const ExpertLoad& load = model_.expert_load();
  for (int l = 0; l < load.num_layers(); ++l) {
    const std::span<const int64_t> tokens = load.expert_tokens(l);
    result.mutable_expert_tokens()->Add(tokens.begin(), tokens.end());
  }
}

// Collective. Receives what rank 0's scheduler decided for this rank.
void Engine::ReceiveStep() {
  if (world_.rank() == 0) {
    const bool scan = !stop_ && scan_ == Scan::kNext;
    const bool stop = stop_ || (closed_ && scheduler_.idle() && !scan);
    if (scan) scan_ = Scan::kUnderWay;
    const std::span<RankStep> steps = scheduler_.NextStep();
    step_has_tokens_ = false;
    if (rebalancer_) rebalancer_->Announce(mover_->is_moving(), steps);
    for (size_t r = 0; r < steps.size(); ++r) {
      if (steps[r].chunks_size() > 0) step_has_tokens_ = true;
      steps[r].set_stop(stop);
      steps[r].set_scan_weights(scan);
      OCTET_CHECK(steps[r].SerializeToString(&outgoing_steps_[r]));
    }
  }
  const std::string& mine = messenger_.ScatterFromRoot({"schedule"}, outgoing_steps_);
  OCTET_CHECK(step_.ParseFromString(mine)) << mine.size() << " bytes";
}

// Collective. Sends this rank's result to rank 0, for its scheduler and its caller.
void Engine::SendResult(std::vector<FinishedSequence>& finished) {
  for (const std::string& bytes : messenger_.GatherToRoot({"results"}, outgoing_result_)) {
    OCTET_CHECK(incoming_result_.ParseFromString(bytes)) << bytes.size() << " bytes";
    UseResult(incoming_result_, finished);
  }
  if (scan_ == Scan::kUnderWay) EndScan();
  if (world_.rank() == 0 && rebalancer_) rebalancer_->EndStep(step_has_tokens_);
}

void Engine::UseResult(StepResult& result, std::vector<FinishedSequence>& finished) {
  scheduler_.Finish(result);
  if (on_token_) {
    for (const SampledToken& sampled : result.sampled()) on_token_(sampled);
  }
  if (rebalancer_) rebalancer_->Add(result);
  if (step_has_tokens_ && result.has_routing() && on_routing_) {
    on_routing_(*result.mutable_routing());
  }
  if (IsWorse(result.worst_weight(), worst_weight_)) worst_weight_ = result.worst_weight();
  for (FinishedSequence& f : *result.mutable_finished()) {
    const bool failed = f.finish_reason() == NOT_FINITE;
    if (failed && scan_ == Scan::kNotNeeded) scan_ = Scan::kNext;
    finished.push_back(std::move(f));
  }
}

std::vector<std::string> Engine::TakeNotes() {
  std::vector<std::string> notes = std::exchange(notes_, {});
  if (!rebalancer_) return notes;
  for (std::string& note : rebalancer_->TakeNotes()) notes.push_back(std::move(note));
  return notes;
}

void Engine::EndScan() {
  scan_ = Scan::kDone;
  notes_.push_back(absl::StrCat("the model's logits are not finite for some of the input: ",
                                ExplainNotFinite(worst_weight_)));
}

void Engine::CountStep(double seconds) {
  const StepCounts& counts = scheduler_.step_counts();
  if (counts.prompt_tokens + counts.sampled_tokens == 0) return;  // it only waited for requests
  ++stats_.steps;
  stats_.prompt_tokens += counts.prompt_tokens;
  stats_.sampled_tokens += counts.sampled_tokens;
  if (counts.prompt_tokens > 0) {
    stats_.prefill_seconds += seconds;
  } else {
    stats_.decode_seconds += seconds;
    stats_.decode_sampled_tokens += counts.sampled_tokens;
  }
}

}  // namespace octet
