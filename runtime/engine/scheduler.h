// The scheduler: which rank takes which request, and what a step contains.

#ifndef OCTET_RUNTIME_ENGINE_SCHEDULER_H_
#define OCTET_RUNTIME_ENGINE_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/engine/home_choice.h"
#include "runtime/engine/page_pool.h"
#include "runtime/engine/scheduler_limits.h"

namespace octet {

// The tokens of one step, over all ranks.
struct StepCounts {
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
};

// Sums over the steps so far.
struct SchedulerStats {
  int64_t preemptions = 0;
  int64_t recomputed_tokens = 0;

  // With a prefix cache: tokens of the prompts that began, and those of them that were found and
  // not computed.
  int64_t prompt_tokens = 0;
  int64_t found_tokens = 0;

  // Draft tokens that were computed, and those of them that were accepted: each is a step that its
  // sequence did not take.
  int64_t draft_tokens = 0;
  int64_t accepted_tokens = 0;

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
// later. Decisions depend on counts and tokens alone, never on a clock.
//
// With a prefix cache, a sequence uses the pages that its rank has of its first tokens. While
// another sequence computes these, it waits. At least its last token is computed, for the logits.
class Scheduler {
 public:
  // HomePolicy::kAffinity needs `affinity`, which must outlive this object.
  explicit Scheduler(const SchedulerLimits& limits, HomePolicy policy = HomePolicy::kLeastLoaded,
                     const HomeAffinity* affinity = nullptr);

  // Adds a request; ids must ascend. A request that names its home waits in the same queue: later
  // requests start after it.
  void Add(NewSequence sequence) { waiting_.push_back(std::move(sequence)); }

  // Ends a sequence, as it is, at the next step at which it is known; one that waits, when it has
  // begun. Does nothing if it has finished.
  void Cancel(int64_t id) { cancelled_.push_back(id); }

  // Drops the sequences that have not begun.
  void DropWaiting() { waiting_.clear(); }

  int64_t num_waiting() const { return static_cast<int64_t>(waiting_.size()); }
  bool idle() const { return waiting_.empty() && num_finished_ == std::ssize(sequences_); }

  // Returns what each rank does next: one token for each running sequence, then as many prompt
  // tokens as the rank's share of the budget allows, then draft tokens. The result is valid until
  // the next call. The work is proportional to the ranks plus the running sequences, apart from
  // HomeChooser's work and from the search for a new request's pages, on each rank with a slot.
  std::span<RankStep> NextStep();

  // The tokens of the latest NextStep, and those that Finish accepted.
  const StepCounts& step_counts() const { return step_counts_; }

  // Takes the sampled tokens, and frees the pages and slots of the finished sequences.
  void Finish(const StepResult& result);

  // Nobody finds what pages hold that no sequence uses now.
  void ForgetPages() {
    for (PagePool& pool : pools_) pool.Forget();
  }

  // Pages that no sequence uses, whether or not they hold tokens that others may find.
  int64_t num_free_pages(int rank) const { return pools_[rank].num_free(); }

  const SchedulerStats& stats() const { return stats_; }

 private:
  static constexpr int kNoDraft = -1;

  struct Sequence {
    int64_t id;
    int rank;
    int64_t num_prompt;
    int64_t longest;            // prompt and answer at their end
    int64_t num_tokens;         // prompt and answer so far
    int64_t num_computed = 0;   // of num_tokens, by itself or others
    int64_t most_computed = 0;  // so far: less than before after a preemption
    bool needs_all = false;     // the logits of all its prompt's tokens are wanted
    bool follows = false;       // others may compute tokens for it
    int64_t end = 0;            // while it follows: it computes tokens up to here
    int64_t num_sent = 0;       // pages of its table that its rank knows
    bool finished = false;
    int num_right = kNoDraft;     // Draft::num_right
    int64_t num_drafts = 0;       // draft tokens in this step
    Chunk* newest = nullptr;      // its newest token, if this step has it
    PageTable table;              // empty: preempted
    std::vector<int32_t> tokens;  // with a prefix cache: all but those not yet reported

    bool runs() const { return !table.pages.empty(); }
    int64_t left() const { return num_tokens - num_computed; }
    int64_t todo() const { return follows ? end - num_computed : left(); }  // in this step

    // The first tokens, as far as they may be found.
    std::span<const int32_t> findable() const;
  };

  // The work that a rank may do in this step.
  struct RankWork {
    int64_t budget = 0;               // tokens that it may still compute
    std::vector<Sequence*> prompts;   // that it may compute, oldest first
    std::vector<Sequence*> drafters;  // sequences with draft tokens, oldest first
  };

  void Follow(Sequence& s);
  bool FollowTail(Sequence& s);
  void PassOver(Sequence& s, int64_t num_tokens);
  void Decode(Sequence& s);
  bool TakePages(Sequence& s, int64_t num_tokens);
  void Release(Sequence& s);
  void EndCancelled();
  void TakeFirstPages(Sequence& s);
  void Preempt(Sequence& s);
  void Resume();
  void Admit();
  void FindPages(const NewSequence& next);
  void Start(NewSequence& next, int rank);
  void FindPrompts();
  void Prefill(RankWork& work);
  Chunk& Schedule(Sequence& s, int64_t num_tokens);
  void SendPages(Sequence& s, Chunk& chunk);
  void FindDrafters();
  void DraftTokens(int first_rank);
  bool MayDraft(const Sequence& s) const;
  void SendDraft(Sequence& s);
  void DivideStep(int first_rank);
  void TakeSampled(const StepResult& result);
  int64_t CountTokens(int first_rank) const;
  void CountWaiting(const NewSequence& next);
  Sequence& Find(int64_t id);

  SchedulerLimits limits_;
  std::deque<NewSequence> waiting_;
  std::vector<Sequence> sequences_;     // oldest first, so that ids ascend
  std::vector<int64_t> cancelled_;      // ids, until they end
  std::vector<RankLoad> ranks_;         // [ranks]
  std::vector<PagePool> pools_;         // [ranks]
  std::vector<PagePool::Found> found_;  // [ranks] pages of the next request
  std::vector<RankWork> work_;          // [ranks]
  std::vector<RankStep> steps_;         // [ranks]
  int64_t num_finished_ = 0;            // of sequences_, until the next step
  HomeChooser homes_;
  StepCounts step_counts_;
  SchedulerStats stats_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_SCHEDULER_H_
