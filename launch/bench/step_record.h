// The work and the time of each step of a run.

#ifndef OCTET_LAUNCH_BENCH_STEP_RECORD_H_
#define OCTET_LAUNCH_BENCH_STEP_RECORD_H_

#include <cstdint>
#include <vector>

#include "launch/setup/job_setup.h"
#include "launch/setup/session.h"
#include "parallel/transport/communicator.h"
#include "proto/engine.pb.h"
#include "runtime/model/step_times.h"

namespace octet {

// One step on one rank. Plain data.
struct StepRecord {
  // These count all ranks together, on rank 0.
  double seconds = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;

  Times times = {};
  // These count this rank's group. They are on its first rank, after the records are gathered.
  int64_t tokens = 0;              // computed
  int64_t last_tokens = 0;         // of them, that had experts in the last layer
  double mean_rank_pairs = 0;      // (token, slot) pairs of a rank's experts, over all layers
  int64_t busiest_rank_pairs = 0;  // of the rank with the most in each layer, over all layers

  int64_t expert_bytes = 0;    // of this rank's experts that had tokens
  int64_t kv_bytes = 0;        // of the pages in use
  int64_t positions_seen = 0;  // by this rank's tokens together, over all layers

  bool prefills() const { return prompt_tokens > 0; }
};

// A recorder that runs an engine's steps. `setup` and `session` must outlive it.
class StepRecorder {
 public:
  StepRecorder(const Communicator& world, const JobSetup& setup, Session& session);

  // Collective. Calls Engine::Step.
  bool Step(std::vector<FinishedSequence>& finished);

  const std::vector<StepRecord>& records() const { return records_; }

  // Collective. Returns the records of each rank, on rank 0.
  std::vector<std::vector<StepRecord>> Gather(Communicator& world) const;

 private:
  // The values of the counters before or after a step.
  struct Counts {
    EngineStats stats;
    Times times;
    std::vector<int64_t> expert_tokens;  // [layers * experts]
    std::vector<int64_t> rank_tokens;    // [layers]
    int64_t pages;
    int64_t positions_seen;
  };

  Counts Count() const;
  StepRecord Difference(const Counts& before, const Counts& after) const;

  const Communicator& world_;
  const JobSetup& setup_;
  Session& session_;
  std::vector<StepRecord> records_;
  std::vector<int64_t> layer_pairs_;  // [steps * layers] of this rank's experts
};

// Completes the records of groups of `group_size` ranks. records[r][i] is rank r's record of step
// i, whose experts had layer_pairs[r][i * num_layers + l] (token, slot) pairs in layer l.
void AddGroupPairs(int group_size, int num_layers, int topk,
                   const std::vector<std::vector<int64_t>>& layer_pairs,
                   std::vector<std::vector<StepRecord>>& records);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_STEP_RECORD_H_
