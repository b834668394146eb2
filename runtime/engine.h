// One rank's part of the machine that turns requests into answers.

#ifndef OCTET_RUNTIME_ENGINE_H_
#define OCTET_RUNTIME_ENGINE_H_

#include <memory>
#include <vector>

#include "parallel/communicator.h"
#include "runtime/expert_load.h"
#include "runtime/model_runner.h"
#include "runtime/scheduler.h"

namespace octet {

struct EngineOptions {
  DType dtype = DType::kF32;
  SchedulerLimits limits;
  int64_t max_model_len = 0;
  int64_t seed = 0;
};

// What an engine has done, over all ranks; counted on rank 0.
struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
  double prefill_seconds = 0;         // of steps with prompt tokens
  double decode_seconds = 0;          // of the other steps
  int64_t decode_sampled_tokens = 0;  // in those
};

// Rank 0 submits requests and takes answers; all ranks step together. What it is made from must
// outlive it.
class Engine {
 public:
  Engine(Communicator& comm, Backend& backend, const ModelConfig& config,
         const ModelWeights& weights, const ExpertPlacement& placement,
         const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // On rank 0.
  void Submit(NewSequence sequence) { scheduler_.Add(std::move(sequence)); }
  int64_t num_waiting() const { return scheduler_.num_waiting(); }

  // On rank 0: the next step ends the work of all ranks, whatever is left.
  void Stop() { stop_ = true; }

  // Collective: one step of all ranks. Rank 0 gets the sequences that finished. False when nothing
  // was left to do; then no rank may step again.
  bool Step(std::vector<FinishedSequence>& finished);

  const EngineStats& stats() const { return stats_; }
  const PhaseClock& clock() const { return clock_; }
  const ExpertLoad& expert_load() const { return expert_load_; }
  const KvCache& kv_cache() const { return kv_cache_; }

 private:
  std::string NextRankStep();
  void CountStep(double seconds);

  Communicator& comm_;
  PhaseClock clock_;
  Workspace workspace_;
  ExecutionContext context_;
  ExpertLoad expert_load_;
  KvCache kv_cache_;
  Dispatcher dispatcher_;
  Mixtral model_;
  ModelRunner runner_;
  Scheduler scheduler_;  // used on rank 0 only
  bool stop_ = false;
  EngineStats stats_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_H_
