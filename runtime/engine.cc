#include "runtime/engine.h"

#include <chrono>

namespace octet {

Engine::Engine(EngineRanks ranks, Backend& backend, const EngineModel& model,
               const EngineOptions& options)
    : world_(ranks.world),
      workspace_([&backend](size_t bytes) { return backend.Allocate(bytes); }),
      context_{backend, workspace_, clock_, options.dtype},
      expert_load_(model.config.num_layers, model.config.num_experts, ranks.group.size()),
      kv_cache_(backend, model.config, options.dtype, options.limits.pages[ranks.world.rank()]),
      dispatcher_(ranks.group, model.placement, backend, workspace_,
                  options.limits.MaxTokensPerRank(), options.dtype),
      model_(context_, model.config, model.weights, kv_cache_, dispatcher_, options.max_model_len,
             [this](int layer, const Routing&, const DispatchPlan& plan) {
               expert_load_.Add(layer, plan);
             }),
      runner_(context_, model.config, model.tokenizer, model_, kv_cache_, options.seed),
      scheduler_(options.limits),
      messenger_(ranks.world),
      outgoing_steps_(ranks.world.size()) {
  OCTET_CHECK(options.limits.num_ranks() == ranks.world.size());
  OCTET_CHECK(options.limits.group_size == ranks.group.size());
}

bool Engine::Step(std::vector<FinishedSequence>& finished) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  ReceiveStep();
  if (step_.stop()) return false;
  runner_.Run(step_).SerializeToString(&outgoing_result_);
  SendResult(finished);
  CountStep(std::chrono::duration<double>(Clock::now() - start).count());
  return true;
}

// Collective: what rank 0's scheduler decided for this rank.
void Engine::ReceiveStep() {
  if (world_.rank() == 0) {
    const bool stop = stop_ || (closed_ && scheduler_.idle());
    const std::span<RankStep> steps = scheduler_.NextStep();
    for (size_t r = 0; r < steps.size(); ++r) {
      steps[r].set_stop(stop);
      steps[r].SerializeToString(&outgoing_steps_[r]);
    }
  }
  const std::string& mine = messenger_.ScatterFromRoot({"schedule"}, outgoing_steps_);
  OCTET_CHECK(step_.ParseFromString(mine)) << mine.size() << " bytes";
}

// Collective: to rank 0's scheduler and its caller.
void Engine::SendResult(std::vector<FinishedSequence>& finished) {
  for (const std::string& bytes : messenger_.GatherToRoot({"results"}, outgoing_result_)) {
    OCTET_CHECK(incoming_result_.ParseFromString(bytes)) << bytes.size() << " bytes";
    scheduler_.Finish(incoming_result_);
    for (FinishedSequence& f : *incoming_result_.mutable_finished()) {
      finished.push_back(std::move(f));
    }
  }
}

void Engine::CountStep(double seconds) {
  const StepCounts& counts = scheduler_.step_counts();
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
