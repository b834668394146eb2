#include "runtime/scheduler.h"

#include <algorithm>

#include "kernels/check.h"
#include "runtime/kv_cache.h"

namespace octet {
namespace {

// Rank r's part of `total`, which may be smaller than the number of ranks.
int64_t Share(int64_t total, int num_ranks, int r) {
  return total / num_ranks + (r < total % num_ranks ? 1 : 0);
}

// A running sequence takes at least one token of every step.
int64_t MaxRunning(const SchedulerLimits& limits) {
  return std::min(limits.max_num_seqs, limits.max_num_batched_tokens);
}

}  // namespace

Scheduler::Scheduler(const SchedulerLimits& limits)
    : limits_(limits),
      num_running_(limits.num_ranks),
      free_pages_(limits.num_ranks, limits.pages_per_rank) {
  OCTET_CHECK(limits.max_num_seqs > 0 && limits.max_num_batched_tokens > 0);
}

int64_t Scheduler::MaxTokensPerRank(const SchedulerLimits& limits) {
  return Share(limits.max_num_batched_tokens, limits.num_ranks, 0);
}

std::vector<RankStep> Scheduler::NextStep() {
  std::vector<RankStep> steps(limits_.num_ranks);
  Admit(steps);
  step_counts_ = {};
  std::vector<int64_t> budget(limits_.num_ranks);
  for (int r = 0; r < limits_.num_ranks; ++r) {
    budget[r] = Share(limits_.max_num_batched_tokens, limits_.num_ranks, r);
  }
  const auto schedule = [&](Running& s, int64_t num_tokens) {
    if (num_tokens == 0) return;
    Chunk* chunk = steps[s.rank].add_chunks();
    chunk->set_id(s.id);
    chunk->set_num_tokens(static_cast<int32_t>(num_tokens));
    budget[s.rank] -= num_tokens;
    step_counts_.prompt_tokens += std::clamp<int64_t>(s.num_prompt - s.num_computed, 0, num_tokens);
    s.num_computed += num_tokens;
  };
  const auto left = [](const Running& s) { return s.num_tokens - s.num_computed; };
  for (Running& s : running_) {
    if (left(s) == 1) schedule(s, 1);
  }
  for (Running& s : running_) schedule(s, std::min(left(s), budget[s.rank]));
  for (Running& s : running_) {
    if (left(s) > 0) continue;
    ++s.num_tokens;  // the one that this step samples
    ++step_counts_.sampled_tokens;
  }
  return steps;
}

void Scheduler::Admit(std::vector<RankStep>& steps) {
  while (!waiting_.empty()) {
    NewSequence& next = waiting_.front();
    const int64_t longest = next.prompt_ids_size() + int64_t{next.params().max_tokens()};
    const int64_t num_pages = KvCache::PagesFor(longest);
    OCTET_CHECK(num_pages <= limits_.pages_per_rank) << "a request larger than the KV cache";
    const int rank = ChooseRank(num_pages);
    if (rank < 0) return;
    running_.push_back({.id = next.id(),
                        .rank = rank,
                        .num_prompt = next.prompt_ids_size(),
                        .num_tokens = next.prompt_ids_size(),
                        .num_computed = 0,
                        .num_pages = num_pages});
    ++num_running_[rank];
    free_pages_[rank] -= num_pages;
    steps[rank].add_admit()->Swap(&next);
    waiting_.pop_front();
  }
}

int Scheduler::ChooseRank(int64_t num_pages) const {
  int best = -1;
  for (int r = 0; r < limits_.num_ranks; ++r) {
    const bool has_slot = num_running_[r] < Share(MaxRunning(limits_), limits_.num_ranks, r);
    if (!has_slot || free_pages_[r] < num_pages) continue;
    if (best < 0 || num_running_[r] < num_running_[best]) best = r;
  }
  return best;
}

void Scheduler::Finish(const StepResult& result) {
  for (const FinishedSequence& finished : result.finished()) {
    const auto found = std::find_if(running_.begin(), running_.end(),
                                    [&](const Running& s) { return s.id == finished.id(); });
    OCTET_CHECK(found != running_.end()) << finished.id();
    --num_running_[found->rank];
    free_pages_[found->rank] += found->num_pages;
    running_.erase(found);
  }
}

}  // namespace octet
