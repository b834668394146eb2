// One rank's part of the machine that turns requests into answers.

#ifndef OCTET_RUNTIME_ENGINE_ENGINE_H_
#define OCTET_RUNTIME_ENGINE_ENGINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parallel/transport/collectives.h"
#include "parallel/transport/communicator.h"
#include "runtime/engine/engine_options.h"
#include "runtime/engine/expert_mover.h"
#include "runtime/engine/home_affinity.h"
#include "runtime/engine/model_runner.h"
#include "runtime/engine/rebalancer.h"
#include "runtime/engine/scheduler.h"
#include "runtime/model/expert_load.h"
#include "runtime/trace/routing_recorder.h"

namespace octet {

// What an engine has done, over all ranks; counted on rank 0.
struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
  double prefill_seconds = 0;         // of steps with prompt tokens
  double decode_seconds = 0;          // of the other steps
  int64_t decode_sampled_tokens = 0;  // in those
  int64_t experts_moved = 0;          // that came to a rank
};

// The ranks of a job: all, which take their work from one queue and step together, and the
// expert-parallel group of this rank, over which the experts of each layer are spread.
struct EngineRanks {
  Communicator& world;
  Communicator& group;
};

// What an engine computes with. All of it must outlive the engine.
struct EngineModel {
  const ModelConfig& config;
  ModelWeights& weights;             // where experts move, others as time goes by
  const ExpertPlacement& placement;  // over the ranks of a group, at the start
  const Tokenizer* tokenizer;        // null: no stop texts
  const MixtralTensors& tensors;     // what the weights were loaded from
};

// Rank 0 submits requests and takes answers; all ranks step together. When a request first meets
// logits that are not finite, all ranks look for damage among their weights in the step that
// follows, once.
class Engine {
 public:
  // Collective.
  Engine(EngineRanks ranks, Backend& backend, const EngineModel& model,
         const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // On rank 0. Ids ascend.
  void Submit(NewSequence sequence) { scheduler_.Add(std::move(sequence)); }
  int64_t num_waiting() const { return scheduler_.num_waiting(); }
  bool idle() const { return scheduler_.idle(); }

  // On rank 0: nothing more will be submitted.
  void Close() { closed_ = true; }

  // On rank 0: nothing more will be submitted, and what has not begun never will.
  void Drain() {
    scheduler_.DropWaiting();
    closed_ = true;
  }

  // On rank 0: the next step ends the work of all ranks, whatever is left.
  void Stop() { stop_ = true; }

  // On rank 0, with EngineOptions::record_routing: told of each rank's part of each step that had
  // tokens, in the order of steps and ranks, before Step gives out what finished in it.
  using OnRouting = std::function<void(StepRouting& routing)>;
  void SetOnRouting(OnRouting on_routing) { on_routing_ = std::move(on_routing); }

  // On rank 0, with EngineOptions::rebalance.rooms: experts move to where they live in `target`
  // while steps go on, as far as ranks have room.
  void MoveExperts(ExpertPlacement target) { rebalancer_->Request(std::move(target)); }

  // On rank 0: told of the placement before a step that is the first with another one.
  using OnPlacement = std::function<void(const ExpertPlacement& placement)>;
  void SetOnPlacement(OnPlacement on_placement) { on_placement_ = std::move(on_placement); }

  // Collective: one step of all ranks, without tokens where there is nothing to do. Rank 0 gets the
  // sequences that finished, added to `finished`. False when the engine was closed and has nothing
  // left to do, or was stopped; then no rank may step again.
  bool Step(std::vector<FinishedSequence>& finished);

  // On rank 0: what a person should know since the last call.
  std::vector<std::string> TakeNotes();

  // Why the ranks of this one's host send each other messages; OK where they share memory.
  const absl::Status& shared_memory() const { return model_.shared_memory(); }

  const EngineStats& stats() const { return stats_; }
  const SchedulerStats& scheduler_stats() const { return scheduler_.stats(); }
  const PhaseClock& clock() const { return clock_; }
  const ExpertLoad& expert_load() const { return model_.expert_load(); }
  const KvCache& kv_cache() const { return kv_cache_; }
  int64_t positions_seen() const { return runner_.positions_seen(); }

 private:
  void ReceiveStep();
  void MoveExperts();
  void UseMovedLayer();
  void RunStep();
  void AddMoves(StepResult& result) const;
  void SendResult(std::vector<FinishedSequence>& finished);
  void UseResult(StepResult& result, std::vector<FinishedSequence>& finished);
  void EndScan();
  void CountStep(double seconds);

  // How far the search of the weights for damage is.
  enum class Scan { kNotNeeded, kNext, kUnderWay, kDone };

  Communicator& world_;
  const EngineModel given_;
  ExpertPlacement placement_;
  PhaseClock clock_;
  Workspace workspace_;
  ExecutionContext context_;
  KvCache kv_cache_;
  std::optional<RoutingRecorder> recorder_;  // where routing is recorded
  Mixtral model_;
  ModelRunner runner_;
  std::optional<HomeAffinity> affinity_;  // on rank 0, of HomePolicy::kAffinity
  Scheduler scheduler_;                   // used on rank 0 only
  // Where experts may move.
  std::unique_ptr<ExpertMover> mover_;
  std::unique_ptr<Rebalancer> rebalancer_;  // used on rank 0 only
  bool closed_ = false;
  bool stop_ = false;
  EngineStats stats_;
  Scan scan_ = Scan::kNotNeeded;
  WorstWeight worst_weight_;
  std::vector<std::string> notes_;
  OnRouting on_routing_;
  OnPlacement on_placement_;
  bool step_has_tokens_ = false;  // on any rank; known to rank 0

  // Kept from step to step.
  Messenger messenger_;
  std::vector<std::string> outgoing_steps_;  // [ranks] on rank 0
  RankStep step_;
  std::string outgoing_result_;
  StepResult incoming_result_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_ENGINE_H_
