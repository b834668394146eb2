// The micro-batches of a replayed step.

#ifndef OCTET_RUNTIME_REPLAY_STEP_PARTS_H_
#define OCTET_RUNTIME_REPLAY_STEP_PARTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/replay/part_costs.h"
#include "runtime/replay/replayed_job.h"

namespace octet {

// The tokens of one micro-batch.
struct StepPart {
  std::vector<TokenLoad> loads;                 // [ranks]
  std::vector<std::vector<int64_t>> rows;       // [ranks] of the table
  std::vector<std::vector<int64_t>> last_rows;  // of them, those that the last layer goes on with

  void Resize(int num_ranks);
  void Clear();
};

// Divides the tokens of each rank as the engine does, over as many parts as the step has for it.
void DivideStep(const ReplayedJob& job, const ReplayedStep& step, std::span<StepPart> parts);

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_STEP_PARTS_H_
