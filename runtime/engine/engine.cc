#include "runtime/engine/engine.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>

#include "runtime/engine/weight_scan.h"

namespace octet {

namespace {

// What products hold for a moment: rows as the kernels read them, and what experts have between
// their products.
int64_t ScratchBytes(const ModelConfig& c, const EngineOptions& options) {
  const auto element = static_cast<int64_t>(SizeOf(options.dtype));
  const int64_t q_dim = int64_t{c.num_heads} * c.head_dim;
  const int64_t pairs = options.limits.max_num_batched_tokens * c.experts_per_token;
  const int64_t expert_rows = std::min<int64_t>(pairs, Backend::kExpertRowsAtATime);
  const int64_t experts = expert_rows * (int64_t{c.hidden_size} + c.intermediate_size) * element;
  const int64_t router = options.limits.MaxTokensPerRank() * c.hidden_size * int64_t{sizeof(float)};
  const int64_t others =
      options.limits.MaxTokensPerRank() * std::max<int64_t>(c.hidden_size, q_dim) * element;
  return std::max({experts, router, others}) + (int64_t{1} << 16);
}

// What the second micro-batch needs, of what a step needs in one.
int64_t OfMicroBatch(int64_t bytes, const EngineOptions& options) {
  return options.limits.overlap_tokens > 0 ? (bytes + 1) / 2 : 0;
}

int64_t WithMicroBatch(int64_t bytes, const EngineOptions& options) {
  return bytes + OfMicroBatch(bytes, options);
}

// Rows that the ranks exchange, outside the workspace: tokens as they were laid and as they come,
// outputs that are returned and that come back.
int64_t ExchangedBytes(const ModelConfig& c, const EngineOptions& options) {
  const int64_t own = options.limits.MaxTokensPerRank();
  const int64_t all = options.limits.max_num_batched_tokens;
  const auto element = static_cast<int64_t>(SizeOf(options.dtype));
  const int64_t tokens = (own + all) * element;
  const int64_t outputs = (all + own) * c.experts_per_token * int64_t{sizeof(float)};
  return WithMicroBatch((tokens + outputs) * c.hidden_size, options);
}

// Of one step's matrices in the workspace, as one micro-batch.
int64_t StepBytes(const ModelConfig& c, const EngineOptions& options) {
  const int64_t own = options.limits.MaxTokensPerRank();
  const int64_t all = options.limits.max_num_batched_tokens;
  const auto element = static_cast<int64_t>(SizeOf(options.dtype));
  const int64_t f32 = sizeof(float);
  const int64_t q_dim = int64_t{c.num_heads} * c.head_dim;
  const int64_t kv_dim = int64_t{c.num_kv_heads} * c.head_dim;
  const int64_t hidden = c.hidden_size;
  const int64_t states = own * 3 * hidden * f32;
  const int64_t attention = own * (2 * q_dim + 2 * kv_dim) * f32;
  const int64_t pairs = all * c.experts_per_token;
  const int64_t own_pairs = own * c.experts_per_token;
  // Tokens that leave for other hosts, and what experts make.
  const int64_t experts = own_pairs * hidden * element + pairs * hidden * f32;
  const int64_t logits = int64_t{130} * c.vocab_size * f32;
  return states + std::max({attention, experts, logits});
}

}  // namespace

int64_t WorkspaceBytes(const ModelConfig& config, const EngineOptions& options) {
  return WithMicroBatch(StepBytes(config, options), options) + ExchangedBytes(config, options) +
         ScratchBytes(config, options);
}

Engine::Engine(EngineRanks ranks, Backend& backend, const EngineModel& model,
               const EngineOptions& options)
    : world_(ranks.world),
      given_(model),
      workspace_([&backend](size_t bytes) { return backend.Allocate(bytes); }),
      context_{backend, workspace_, clock_, options.dtype},
      expert_load_(model.config.num_layers, model.config.num_experts, ranks.group.size()),
      kv_cache_(backend, model.config, options.dtype, options.limits.pages[ranks.world.rank()]),
      model_(context_, {model.config, model.weights, kv_cache_, model.placement, ranks.group},
             {.max_tokens = options.limits.MaxTokensPerRank(),
              .max_positions = options.max_model_len,
              .second_workspace_bytes =
                  static_cast<size_t>(OfMicroBatch(StepBytes(model.config, options), options))},
             [this](int layer, const Routing&, const DispatchPlan& plan) {
               expert_load_.Add(layer, plan);
             }),
      runner_(context_, model.config, model.tokenizer, model_, kv_cache_, options.seed),
      scheduler_(options.limits),
      messenger_(ranks.world),
      outgoing_steps_(ranks.world.size()) {
  workspace_.Reserve(static_cast<size_t>(StepBytes(model.config, options)));
  backend.ReserveScratch(static_cast<size_t>(ScratchBytes(model.config, options)));
  OCTET_CHECK(options.limits.num_ranks() == ranks.world.size());
  OCTET_CHECK(options.limits.group_size == ranks.group.size());
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
    for (size_t r = 0; r < steps.size(); ++r) {
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
