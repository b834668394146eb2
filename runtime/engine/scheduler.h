// The scheduler: which rank takes which request, and what a step contains.

#ifndef OCTET_RUNTIME_ENGINE_SCHEDULER_H_
#define OCTET_RUNTIME_ENGINE_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/home_choice.h"

namespace octet {

struct SchedulerLimits {
  int64_t max_num_seqs = 64;              // at the same time, in each group
  int64_t max_num_batched_tokens = 2048;  // of one step, in each group
  std::vector<int64_t> pages;             // [ranks] of each rank's KV cache
  int group_size = 1;                     // ranks of an expert-parallel group
  int64_t overlap_tokens = 0;  // a step in which a group has this many tokens or more is computed
                               // as two micro-batches, one while the tokens of the other travel;
                               // 0: never
  int64_t decode_room = 0;     // a step of newest tokens alone has a DecodeRoom, if no rank has
                               // more of them; 0: never

  int num_ranks() const { return static_cast<int>(pages.size()); }

  // Returns the most tokens of one rank in one step.
  int64_t MaxTokensPerRank() const;

  // The most sequences that run at the same time: on all ranks together, and on one rank, where it
  // may be 0.
  int64_t NumSlots() const;
  int64_t SlotsOf(int rank) const;
};

// The tokens of one step, over all ranks.
struct StepCounts {
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
};

// Sums over the steps so far.
struct SchedulerStats {
  int64_t preemptions = 0;
  int64_t recomputed_tokens = 0;

  // Sums over the steps that left a request waiting: the slots, and the running sequences.
  int64_t slots = 0;
  int64_t busy_slots = 0;

  // The steps in which a request waited for pages alone. Over these steps: the tokens that the KV
  // cache can hold, and the tokens of the running sequences.
  int64_t kv_waits = 0;
  int64_t kv_tokens = 0;
  int64_t live_kv_tokens = 0;
};

// A scheduler for continuous batching with chunked prefill, for all groups of a job; on rank 0. It
// takes requests first come, first served, and each stays on one rank. A sequence takes pages as it
// grows. If a rank has no free page, its youngest sequence returns its pages and is computed again
// later. Decisions depend on counts alone, never on a clock.
class Scheduler {
 public:
  // HomePolicy::kAffinity needs `affinity`, which must outlive this object.
  explicit Scheduler(const SchedulerLimits& limits, HomePolicy policy = HomePolicy::kLeastLoaded,
                     const HomeAffinity* affinity = nullptr);

  // Adds a request; ids must ascend. A request that names its home waits in the same queue: later
  // requests start after it.
  void Add(NewSequence sequence) { waiting_.push_back(std::move(sequence)); }

  // Drops the sequences that have not begun.
  void DropWaiting() { waiting_.clear(); }

  int64_t num_waiting() const { return static_cast<int64_t>(waiting_.size()); }
  bool idle() const { return waiting_.empty() && num_finished_ == std::ssize(sequences_); }

  // Returns what each rank does next: one token for each running sequence, then as many prompt
  // tokens as the rank's share of the budget allows. The result is valid until the next call. The
  // work is proportional to the ranks plus the running sequences, apart from HomeChooser's work.
  std::span<RankStep> NextStep();

  // The tokens of the latest NextStep.
  const StepCounts& step_counts() const { return step_counts_; }

  // Frees the pages and slots of the finished sequences.
  void Finish(const StepResult& result);

  const SchedulerStats& stats() const { return stats_; }

 private:
  struct Sequence {
    int64_t id;
    int rank;
    int64_t num_prompt;
    int64_t num_tokens;        // prompt and answer so far
    int64_t num_computed = 0;  // of num_tokens
    int64_t num_pages = 0;     // 0: preempted
    bool finished = false;

    bool runs() const { return num_pages > 0; }
    int64_t left() const { return num_tokens - num_computed; }
  };

  // The work that a rank may do in this step.
  struct RankWork {
    int64_t budget = 0;              // tokens that it may still compute
    std::vector<Sequence*> prompts;  // that it may compute, oldest first
  };

  void Decode(Sequence& s);
  bool TakePages(Sequence& s, int64_t num_tokens);
  void Preempt(Sequence& s);
  void Resume();
  void Admit();
  void Start(NewSequence& next, int rank);
  void FindPrompts();
  void Prefill(RankWork& work);
  void Schedule(Sequence& s, int64_t num_tokens);
  void DivideStep(int first_rank);
  void FindDecodeRoom();
  void CountWaiting(const NewSequence& next);

  SchedulerLimits limits_;
  std::deque<NewSequence> waiting_;
  std::vector<Sequence> sequences_;  // oldest first, so that ids ascend
  std::vector<RankLoad> ranks_;      // [ranks]
  std::vector<RankWork> work_;       // [ranks]
  std::vector<RankStep> steps_;      // [ranks]
  int64_t num_finished_ = 0;         // of sequences_, until the next step
  HomeChooser homes_;
  StepCounts step_counts_;
  SchedulerStats stats_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_SCHEDULER_H_
