// One rank's part of the engine that turns requests into answers.

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

// The work that an engine has done, over all ranks. Rank 0 counts it.
struct EngineStats {
  int64_t steps = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
  double prefill_seconds = 0;         // of steps with prompt tokens
  double decode_seconds = 0;          // of the other steps
  int64_t decode_sampled_tokens = 0;  // in the steps of decode_seconds
  int64_t experts_moved = 0;          // each once for each rank to which it came
};

// The ranks of a job. `world` has all ranks: they take their work from one queue and step together.
// `group` is the expert-parallel group of this rank: its ranks share the experts of each layer.
struct EngineRanks {
  Communicator& world;
  Communicator& group;
  RowTransport* rows = nullptr;  // MixtralParts
};

// The model that an engine computes with. All of it must outlive the engine.
struct EngineModel {
  const ModelConfig& config;
  ModelWeights& weights;             // changes when experts move
  const ExpertPlacement& placement;  // at the start, over the ranks of a group
  const Tokenizer* tokenizer;        // may be null; then no request has stop texts or a constraint
  const MixtralTensors& tensors;     // the source of the weights
};

// The engine: rank 0 submits requests and takes answers, and all ranks step together. When a
// request first has logits that are not finite, all ranks search their weights for damage in the
// next step, once per run.
class Engine {
 public:
  // Collective.
  Engine(EngineRanks ranks, Backend& backend, const EngineModel& model,
         const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // On rank 0. Adds a request; ids must ascend.
  void Submit(NewSequence sequence) { scheduler_.Add(std::move(sequence)); }
  int64_t num_waiting() const { return scheduler_.num_waiting(); }
  bool idle() const { return scheduler_.idle(); }

  // On rank 0. Ends a request that has not finished: with CANCELLED and its tokens so far, in the
  // next step or, if it waits, soon after it has begun.
  void Cancel(int64_t id) { scheduler_.Cancel(id); }

  // On rank 0. Is called with each token of an answer, before Step returns.
  using OnToken = std::function<void(const SampledToken& sampled)>;
  void SetOnToken(OnToken on_token) { on_token_ = std::move(on_token); }

  // On rank 0. Promises that no request follows.
  void Close() { closed_ = true; }

  // On rank 0. Promises that no request follows, and drops the requests that have not begun.
  void Drain() {
    scheduler_.DropWaiting();
    closed_ = true;
  }

  // On rank 0. Later requests find nothing of those that have finished in the prefix cache.
  void ForgetPages() { scheduler_.ForgetPages(); }

  // On rank 0. The next step ends the work of all ranks, finished or not.
  void Stop() { stop_ = true; }

  // On rank 0, with EngineOptions::record_routing. Is called for each rank's part of each step that
  // has tokens, in the order of steps and ranks, before Step returns the sequences that finished in
  // that step.
  using OnRouting = std::function<void(StepRouting& routing)>;
  void SetOnRouting(OnRouting on_routing) { on_routing_ = std::move(on_routing); }

  // On rank 0, with EngineOptions::rebalance.rooms. Starts to move experts towards `target`, as far
  // as ranks have room. Steps go on meanwhile.
  void MoveExperts(ExpertPlacement target) { rebalancer_->Request(std::move(target)); }

  // On rank 0. Is called with the new placement before the first step that uses it.
  using OnPlacement = std::function<void(const ExpertPlacement& placement)>;
  void SetOnPlacement(OnPlacement on_placement) { on_placement_ = std::move(on_placement); }

  // Collective. Makes one step on all ranks, without tokens if there is nothing to do. On rank 0,
  // adds the sequences that finished to `finished`. Returns false if the engine was stopped, or was
  // closed and has nothing left to do; then no rank may step again.
  bool Step(std::vector<FinishedSequence>& finished);

  // On rank 0. Returns the notes for the user since the last call, and clears them.
  std::vector<std::string> TakeNotes();

  // Says why the ranks of this host exchange messages; OK if they share memory.
  const absl::Status& shared_memory() const { return model_.shared_memory(); }

  const EngineStats& stats() const { return stats_; }
  const SchedulerStats& scheduler_stats() const { return scheduler_.stats(); }
  const PhaseClock& clock() const { return clock_; }
  const ExpertLoad& expert_load() { return model_.expert_load(); }
  const KvCache& kv_cache() const { return kv_cache_; }
  int64_t positions_seen() const { return runner_.positions_seen(); }

  // The pages of this rank's sequences, each as often as it is used.
  int64_t pages_in_use() const { return runner_.num_pages(); }

  // On rank 0: the pages of a rank that no sequence uses.
  int64_t num_free_pages(int rank) const { return scheduler_.num_free_pages(rank); }

 private:
  RoutingObserver MakeObserver(const EngineOptions& options);
  void ReceiveStep();
  void FollowMoves();
  void UseMovedLayer();
  void RunStep();
  void AddMoves(StepResult& result);
  void SendResult(std::vector<FinishedSequence>& finished);
  void UseResult(StepResult& result, std::vector<FinishedSequence>& finished);
  void EndScan();
  void CountStep(double seconds);

  // The state of the search of the weights for damage.
  enum class Scan { kNotNeeded, kNext, kUnderWay, kDone };

  Communicator& world_;
  const EngineModel given_;
  ExpertPlacement placement_;
  PhaseClock clock_;
  Workspace workspace_;
  ExecutionContext context_;
  Workspace host_workspace_;  // used if the device is not the host
  ExecutionContext host_;     // otherwise the same as context_
  KvCache kv_cache_;
  std::optional<RoutingRecorder> recorder_;  // if routing is recorded
  Mixtral model_;
  ModelRunner runner_;
  std::optional<HomeAffinity> affinity_;  // on rank 0, with HomePolicy::kAffinity
  Scheduler scheduler_;                   // used on rank 0 only
  // Null unless experts may move.
  std::unique_ptr<ExpertMover> mover_;
  std::unique_ptr<Rebalancer> rebalancer_;  // used on rank 0 only
  bool closed_ = false;
  bool stop_ = false;
  EngineStats stats_;
  Scan scan_ = Scan::kNotNeeded;
  WorstWeight worst_weight_;
  std::vector<std::string> notes_;
  OnToken on_token_;
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
