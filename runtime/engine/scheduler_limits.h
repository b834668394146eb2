// What bounds the steps of a scheduler.

#ifndef OCTET_RUNTIME_ENGINE_SCHEDULER_LIMITS_H_
#define OCTET_RUNTIME_ENGINE_SCHEDULER_LIMITS_H_

#include <cstdint>
#include <vector>

#include "runtime/engine/draft_scale.h"

namespace octet {

struct SchedulerLimits {
  int64_t max_num_seqs = 64;              // at the same time, in each group
  int64_t max_num_batched_tokens = 2048;  // of one step, in each group
  std::vector<int64_t> pages;             // [ranks] of each rank's KV cache
  int group_size = 1;                     // ranks of an expert-parallel group
  int64_t overlap_tokens = 0;  // a step in which a group has this many tokens or more is computed
                               // as two micro-batches, one while the tokens of the other travel;
                               // 0: never
  bool prefix_cache = false;   // sequences with the same first tokens share their pages
  int64_t decode_room = 0;     // a step of newest tokens alone has a DecodeRoom, if no rank has
                               // more of them; 0: never
  DraftLimits drafts;

  int num_ranks() const { return static_cast<int>(pages.size()); }

  // Returns the most tokens of one step on one rank, and on the rank that may have most.
  int64_t TokensOf(int rank) const;
  int64_t MaxTokensPerRank() const { return TokensOf(0); }

  // The most sequences that run at the same time: on all ranks together, and on one rank, where it
  // may be 0.
  int64_t NumSlots() const;
  int64_t SlotsOf(int rank) const;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_SCHEDULER_LIMITS_H_
