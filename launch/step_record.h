// What each step of a run did and how long it took.

#ifndef OCTET_LAUNCH_STEP_RECORD_H_
#define OCTET_LAUNCH_STEP_RECORD_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "launch/job_setup.h"
#include "launch/session.h"
#include "parallel/communicator.h"
#include "proto/engine.pb.h"

namespace octet {

// Where a step's time goes on one rank: the phases of work, the wait for late ranks, the exposed
// exchange by traffic.
inline constexpr int kNumTimes = kNumPhases + 1 + kNumTrafficKinds;
using Times = std::array<double, kNumTimes>;  // seconds
std::string NameOfTime(int index);            // "attention", "late ranks", "exposed dispatch"

// What a rank has waited for others so far, in the world and in its group: the times after the
// phases.
std::array<double, 1 + kNumTrafficKinds> WaitTimes(const Communicator& world,
                                                   const Communicator& group);

// One step on one rank. Plain data.
struct StepRecord {
  // Of all ranks together, on rank 0.
  double seconds = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;

  Times times = {};
  int64_t tokens = 0;        // computed by this rank's group, on its first rank
  int64_t expert_bytes = 0;  // of this rank's experts that had tokens; of replicas, only the first
  int64_t kv_bytes = 0;      // of the pages in use
  int64_t positions_seen = 0;  // by this rank's tokens together, in each layer

  bool prefills() const { return prompt_tokens > 0; }
};

// Steps an engine and records what happens. `setup` and `session` must outlive it.
class StepRecorder {
 public:
  StepRecorder(const Communicator& world, const JobSetup& setup, Session& session);

  // Collective: Engine::Step.
  bool Step(std::vector<FinishedSequence>& finished);

  const std::vector<StepRecord>& records() const { return records_; }

 private:
  // What counters say before and after a step.
  struct Counts {
    EngineStats stats;
    Times times;
    std::vector<int64_t> expert_tokens;  // [layers * experts]
    int64_t pages;
    int64_t positions_seen;
  };

  Counts Count() const;
  StepRecord Difference(const Counts& before, const Counts& after) const;

  const Communicator& world_;
  const JobSetup& setup_;
  Session& session_;
  std::vector<StepRecord> records_;
};

// Collective: the records of each rank, on rank 0.
std::vector<std::vector<StepRecord>> GatherRecords(Communicator& world,
                                                   const std::vector<StepRecord>& mine);

}  // namespace octet

#endif  // OCTET_LAUNCH_STEP_RECORD_H_
