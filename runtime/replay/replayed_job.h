// The steps of a recorded job on other ranks.

#ifndef OCTET_RUNTIME_REPLAY_REPLAYED_JOB_H_
#define OCTET_RUNTIME_REPLAY_REPLAYED_JOB_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "runtime/engine/scheduler.h"
#include "runtime/trace/token_table.h"

namespace octet {

// Consecutive tokens of a sequence in a step.
struct ReplayedChunk {
  int64_t sequence;
  int64_t position;  // of the first one
  int64_t num_tokens;
  bool samples;  // the logits of the last one are wanted
};

struct ReplayedStep {
  std::vector<std::vector<ReplayedChunk>> ranks;
  std::vector<int> micro_batches;  // [ranks]
  StepCounts counts;

  bool prefills() const { return counts.prompt_tokens > 0; }
};

// A job whose requests are the answers of a trace, all given at the start. The engine's own
// scheduler decides its steps, so they are those that a run on these ranks would have. Which
// prompts begin alike is known as far as the recorded run found tokens in its prefix cache.
class ReplayedJob {
 public:
  // Copy c of the i-th answer has its length, and chooses experts as the (i + c)-th one did, so
  // that copies are not alike in a step. `table` must outlive this object. Without any limits.pages
  // there is room for all sequences that may run. An error says what the trace lacks, or which
  // request has no room.
  static absl::StatusOr<ReplayedJob> Make(const TokenTable& table, SchedulerLimits limits,
                                          HomePolicy homes, int copies);

  // Returns the next step, which is valid until the next call, or null after the last one.
  const ReplayedStep* Next();

  // Returns the row of the table that says which experts the token chooses.
  int64_t RowOf(int64_t sequence, int64_t position) const;

  const SchedulerLimits& limits() const { return limits_; }
  int64_t most_pages(int rank) const { return most_pages_[rank]; }  // in use so far

 private:
  struct Sequence {
    int64_t prompt_tokens;
    int64_t tokens;  // that the whole prompt and answer have
    int64_t known;   // so far: of the prompt, and sampled
    int64_t computed = 0;
  };

  ReplayedJob(const TokenTable& table, const SchedulerLimits& limits, HomePolicy homes)
      : table_(table),
        limits_(limits),
        scheduler_(limits, homes),
        most_pages_(limits.num_ranks()) {}

  void Compute(int rank, const RankStep& step, StepResult& result);
  int32_t TokenAt(int64_t sequence, int64_t position) const;

  const TokenTable& table_;
  SchedulerLimits limits_;
  Scheduler scheduler_;
  std::vector<Sequence> sequences_;
  std::vector<int64_t> most_pages_;  // [ranks]
  ReplayedStep step_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_REPLAYED_JOB_H_
