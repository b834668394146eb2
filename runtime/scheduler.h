// Who takes which request, and what a step contains.

#ifndef OCTET_RUNTIME_SCHEDULER_H_
#define OCTET_RUNTIME_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "proto/engine.pb.h"

namespace octet {

struct SchedulerLimits {
  int num_ranks = 1;
  int64_t max_num_seqs = 64;              // that run at the same time, all ranks together
  int64_t max_num_batched_tokens = 2048;  // of one step, all ranks together
  int64_t pages_per_rank = 0;             // of the KV cache
};

// What a step computes, over all ranks.
struct StepCounts {
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
};

// Continuous batching with chunked prefill, for all ranks of a group; lives on rank 0. Each
// sequence stays on one rank. Decisions follow from counts alone, never from a clock.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  // The tokens of one rank in one step are never more than this.
  static int64_t MaxTokensPerRank(const SchedulerLimits& limits);

  void Add(NewSequence sequence) { waiting_.push_back(std::move(sequence)); }

  int64_t num_waiting() const { return static_cast<int64_t>(waiting_.size()); }
  bool idle() const { return waiting_.empty() && running_.empty(); }

  // What each rank does next: admissions, then one token for each running sequence, then as much of
  // the prompts, oldest first, as the rank's share of the budget allows.
  std::vector<RankStep> NextStep();

  // Of the latest NextStep.
  const StepCounts& step_counts() const { return step_counts_; }

  // Frees what the finished sequences held.
  void Finish(const StepResult& result);

 private:
  struct Running {
    int64_t id;
    int rank;
    int64_t num_prompt;
    int64_t num_tokens;    // prompt and answer so far
    int64_t num_computed;  // of them
    int64_t num_pages;     // set aside for the longest possible answer
  };

  void Admit(std::vector<RankStep>& steps);
  int ChooseRank(int64_t num_pages) const;  // -1: none has room

  SchedulerLimits limits_;
  StepCounts step_counts_;
  std::deque<NewSequence> waiting_;
  std::vector<Running> running_;      // oldest first
  std::vector<int64_t> num_running_;  // [ranks]
  std::vector<int64_t> free_pages_;   // [ranks]
};

}  // namespace octet

#endif  // OCTET_RUNTIME_SCHEDULER_H_
