#include "runtime/engine/engine.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>

#include "runtime/engine/step_memory.h"
#include "runtime/engine/weight_scan.h"

namespace octet {

Engine::Engine(EngineRanks ranks, Backend& backend, const EngineModel& model,
               const EngineOptions& options)
    : world_(ranks.world),
      given_(model),
      workspace_([&backend](size_t bytes) { return backend.Allocate(bytes); }),
      context_{backend, workspace_, clock_, options.dtype},
      kv_cache_(backend, model.config, options.dtype, options.limits.pages[ranks.world.rank()]),
      model_(context_,
             {model.config, model.weights, kv_cache_, model.placement, ranks.group,
              options.replica_policy},
             {.max_tokens = options.limits.MaxTokensPerRank(),
              .max_positions = options.max_model_len,
              .second_workspace_bytes = StepMemory(model.config, options).second_workspace},
             {.observe =
                  [this](const RoutedTokens& tokens) {
                    if (recorder_) recorder_->AddLayer(tokens);
                  },
              .override_experts = options.override_experts}),
      runner_(context_, model.config, model.tokenizer, model_, kv_cache_, options.seed),
      scheduler_(options.limits),
      messenger_(ranks.world),
      outgoing_steps_(ranks.world.size()) {
  const StepMemory memory(model.config, options);
  workspace_.Reserve(memory.workspace);
  backend.ReserveScratch(memory.scratch);
  OCTET_CHECK(options.limits.num_ranks() == ranks.world.size());
  OCTET_CHECK(options.limits.group_size == ranks.group.size());
  if (!options.record_routing && !options.return_routed_experts) return;
  recorder_.emplace(RankCounters{ranks.world, ranks.group, model_.expert_load(), clock_},
                    model.placement, model.config.experts_per_token);
  runner_.SetRecorder(&*recorder_, {.in_steps = options.record_routing,
                                    .in_sequences = options.return_routed_experts});
}

bool Engine::Step(std::vector<FinishedSequence>& finished) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  ReceiveStep();
  if (step_.stop()) return false;
  RunStep();
  SendResult(finished);
  CountStep(std::chrono::duration<double>(Clock::now() - start).count());
  return true;
}

void Engine::RunStep() {
  const StepResult& result = runner_.Run(step_);
  if (!step_.scan_weights()) {
    OCTET_CHECK(result.SerializeToString(&outgoing_result_));
    return;
  }
  StepResult with_scan = result;
  *with_scan.mutable_worst_weight() =
      FindWorstWeight(given_.weights, given_.tensors, context_.backend);
  OCTET_CHECK(with_scan.SerializeToString(&outgoing_result_));
}

// Collective: what rank 0's scheduler decided for this rank.
void Engine::ReceiveStep() {
  if (world_.rank() == 0) {
    const bool scan = !stop_ && scan_ == Scan::kNext;
    const bool stop = stop_ || (closed_ && scheduler_.idle() && !scan);
    if (scan) scan_ = Scan::kUnderWay;
    const std::span<RankStep> steps = scheduler_.NextStep();
    step_has_tokens_ = false;
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

// Collective: to rank 0's scheduler and its caller.
void Engine::SendResult(std::vector<FinishedSequence>& finished) {
  for (const std::string& bytes : messenger_.GatherToRoot({"results"}, outgoing_result_)) {
    OCTET_CHECK(incoming_result_.ParseFromString(bytes)) << bytes.size() << " bytes";
    UseResult(incoming_result_, finished);
  }
  if (scan_ == Scan::kUnderWay) EndScan();
}

void Engine::UseResult(StepResult& result, std::vector<FinishedSequence>& finished) {
  scheduler_.Finish(result);
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
