// A recorder of one rank's steps for the routing trace.

#ifndef OCTET_RUNTIME_TRACE_ROUTING_RECORDER_H_
#define OCTET_RUNTIME_TRACE_ROUTING_RECORDER_H_

#include <cstdint>
#include <vector>

#include "parallel/dispatch/peer_traffic.h"
#include "parallel/transport/communicator.h"
#include "proto/routing_trace.pb.h"
#include "runtime/model/expert_load.h"
#include "runtime/model/moe_layer.h"
#include "runtime/model/phase_clock.h"
#include "runtime/model/step_times.h"

namespace octet {

// Returns the bytes of an expert's number in StepRouting::experts.
constexpr int ExpertBytes(int num_experts) { return num_experts > 256 ? 2 : 1; }

// The counters of a rank that a recorder reads. They must outlive it.
struct RankCounters {
  const Communicator& world;
  const Communicator& group;
  const ExpertLoad& expert_load;
  const PhaseClock& clock;
};

// A recorder whose records keep their memory from step to step. A step no larger than earlier ones
// allocates nothing.
class RoutingRecorder {
 public:
  // `placement` must outlive this object.
  RoutingRecorder(const RankCounters& counters, const ExpertPlacement& placement, int topk);

  // Reads the placement of this layer again. Call it between steps, after experts moved.
  void ExpertsMoved(int layer) {
    local_experts_[layer] = placement_.LocalExperts(layer, counters_.group.rank());
  }

  // Begins a step of this rank. `record` must stay valid until End.
  void Begin(StepRouting& record, int num_micro_batches);

  // Adds tokens of the step, before they are computed.
  void AddRun(const TokenRun& run);

  // Adds tokens that the step does not compute.
  void AddFound(const FoundRun& found) { *record_->add_found() = found; }

  // Adds one layer of one micro-batch. Call it for each layer and micro-batch.
  void AddLayer(const RoutedTokens& tokens);

  // Ends the step, after its tokens are computed.
  void End();

 private:
  // The values of the counters when the last record ended.
  struct Counts {
    Times times = {};
    std::array<int64_t, kNumTrafficKinds> bytes_sent = {};
    std::array<int64_t, kNumTrafficKinds> bytes_in_place = {};
    std::vector<int64_t> expert_tokens;  // [layers, experts]
  };

  void MakeRoom();
  void AddPeers();
  void AddExpertTokens();
  void AddTimes();
  void AddCountedBytes();

  const RankCounters counters_;
  const ExpertPlacement& placement_;
  const int first_rank_;  // the group's first rank in the world
  const int num_layers_;
  const int topk_;
  const int expert_bytes_;
  std::vector<std::vector<int>> local_experts_;  // [layers]

  int64_t step_ = 0;
  int64_t num_tokens_ = 0;
  StepRouting* record_ = nullptr;
  std::vector<PeerTraffic> peers_;  // [ranks of the group]
  Counts last_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_ROUTING_RECORDER_H_
