#include "runtime/engine.h"

#include <chrono>

#include "parallel/collectives.h"

namespace octet {
namespace {

template <class Message>
Message Parsed(const std::string& bytes) {
  Message message;
  OCTET_CHECK(message.ParseFromString(bytes)) << bytes.size() << " bytes";
  return message;
}

}  // namespace

Engine::Engine(Communicator& comm, Backend& backend, const ModelConfig& config,
               const ModelWeights& weights, const ExpertPlacement& placement,
               const EngineOptions& options)
    : comm_(comm),
      workspace_([&backend](size_t bytes) { return backend.Allocate(bytes); }),
      context_{backend, workspace_, clock_, options.dtype},
      expert_load_(config.num_layers, config.num_experts),
      kv_cache_(backend, config, options.dtype, options.limits.pages_per_rank),
      dispatcher_(comm, placement, backend, workspace_, Scheduler::MaxTokensPerRank(options.limits),
                  options.dtype),
      model_(context_, config, weights, kv_cache_, dispatcher_, options.max_model_len,
             [this](int layer, const Routing&, const DispatchPlan& plan) {
               expert_load_.Add(layer, plan.expert_tokens);
             }),
      runner_(context_, config, model_, kv_cache_, options.seed),
      scheduler_(options.limits) {}

bool Engine::Step(std::vector<FinishedSequence>& finished) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  const auto step = Parsed<RankStep>(NextRankStep());
  if (step.stop()) return false;
  const std::string mine = runner_.Run(step).SerializeAsString();
  for (const std::string& bytes : GatherToRoot(comm_, {"results"}, mine)) {
    auto result = Parsed<StepResult>(bytes);
    scheduler_.Finish(result);
    for (FinishedSequence& f : *result.mutable_finished()) finished.push_back(std::move(f));
  }
  CountStep(std::chrono::duration<double>(Clock::now() - start).count());
  return true;
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

// Collective: what rank 0's scheduler decided for this rank.
std::string Engine::NextRankStep() {
  std::vector<std::string> parts;
  if (comm_.rank() == 0) {
    const bool stop = stop_ || scheduler_.idle();
    for (RankStep& step : scheduler_.NextStep()) {
      step.set_stop(stop);
      parts.push_back(step.SerializeAsString());
    }
  }
  return ScatterFromRoot(comm_, {"schedule"}, parts);
}

}  // namespace octet
