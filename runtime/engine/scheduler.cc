#include "runtime/engine/scheduler.h"

#include <algorithm>
#include <tuple>

#include "kernels/base/check.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

// The part of `total` of the r-th of n, which may be more than the total.
int64_t Share(int64_t total, int n, int r) { return total / n + (r < total % n ? 1 : 0); }

// A running sequence takes at least one token of every step.
int64_t SlotsOfGroup(const SchedulerLimits& limits) {
  return std::min(limits.max_num_seqs, limits.max_num_batched_tokens);
}

}  // namespace

int64_t SchedulerLimits::MaxTokensPerRank() const {
  return Share(max_num_batched_tokens, group_size, 0);
}

int64_t SchedulerLimits::NumSlots() const {
  return SlotsOfGroup(*this) * (num_ranks() / group_size);
}

Scheduler::Scheduler(const SchedulerLimits& limits) : limits_(limits), steps_(limits.num_ranks()) {
  OCTET_CHECK(limits.max_num_seqs > 0 && limits.max_num_batched_tokens > 0);
  OCTET_CHECK(limits.group_size > 0 && limits.num_ranks() % limits.group_size == 0);
  for (int r = 0; r < limits.num_ranks(); ++r) {
    ranks_.push_back(
        {.slots = Share(SlotsOfGroup(limits), limits.group_size, r % limits.group_size),
         .free_pages = limits.pages[r]});
  }
}

std::span<RankStep> Scheduler::NextStep() {
  step_counts_ = {};
  if (num_finished_ > 0) std::erase_if(sequences_, [](const Sequence& s) { return s.finished; });
  num_finished_ = 0;
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    steps_[r].Clear();
    ranks_[r].budget =
        Share(limits_.max_num_batched_tokens, limits_.group_size, r % limits_.group_size);
  }
  for (Sequence& s : sequences_) {
    if (s.runs() && s.left() == 1) Decode(s);
  }
  Resume();
  Admit();
  FindPrompts();
  for (Rank& rank : ranks_) Prefill(rank);
  for (int r = 0; r < limits_.num_ranks(); r += limits_.group_size) DivideStep(r);
  for (Sequence& s : sequences_) {
    if (s.left() > 0) continue;
    ++s.num_tokens;  // the one that this step samples
    ++step_counts_.sampled_tokens;
  }
  return steps_;
}

// Divides the work of the group that begins with this rank.
void Scheduler::DivideStep(int first_rank) {
  const std::span group = std::span(steps_).subspan(first_rank, limits_.group_size);
  int64_t tokens = 0;
  for (const RankStep& step : group) {
    for (const Chunk& chunk : step.chunks()) tokens += chunk.num_tokens();
  }
  const bool overlaps = limits_.overlap_tokens > 0 && tokens >= limits_.overlap_tokens;
  for (RankStep& step : group) step.set_overlap(overlaps);
}

// Sequences come oldest first, so that who is preempted here is younger than all that this step has
// scheduled.
void Scheduler::Decode(Sequence& s) {
  while (!TakePages(s, s.num_tokens)) {
    const auto youngest =
        std::find_if(sequences_.rbegin(), sequences_.rend(),
                     [&](const Sequence& other) { return other.rank == s.rank && other.runs(); });
    Preempt(*youngest);
    if (!s.runs()) return;
  }
  Schedule(s, 1);
}

// Pages for so many tokens in all; false where the rank has too few.
bool Scheduler::TakePages(Sequence& s, int64_t num_tokens) {
  const int64_t more = KvCache::PagesFor(num_tokens) - s.num_pages;
  if (more > ranks_[s.rank].free_pages) return false;
  ranks_[s.rank].free_pages -= more;
  s.num_pages += more;
  return true;
}

void Scheduler::Preempt(Sequence& s) {
  Rank& rank = ranks_[s.rank];
  steps_[s.rank].add_preempt(s.id);
  rank.free_pages += s.num_pages;
  --rank.num_running;
  ++rank.num_preempted;
  ++stats_.preemptions;
  stats_.recomputed_tokens += s.num_computed;
  s.num_pages = 0;
  s.num_computed = 0;
}

void Scheduler::Resume() {
  for (Sequence& s : sequences_) {
    Rank& rank = ranks_[s.rank];
    if (s.runs() || !HasRoom(rank, s.num_tokens)) continue;
    OCTET_CHECK(TakePages(s, s.num_tokens));
    ++rank.num_running;
    --rank.num_preempted;
  }
}

void Scheduler::Admit() {
  if (waiting_.empty()) return;
  FindCandidates();
  while (!waiting_.empty()) {
    NewSequence& next = waiting_.front();
    const int rank = TakeCandidate(next.prompt_ids_size());
    if (rank == kNone) return CountWaiting();
    Start(next, rank);
    if (ranks_[rank].num_running < ranks_[rank].slots) AddCandidate(rank);
    waiting_.pop_front();
  }
}

// The order of candidates: rank b is taken before rank a where it has fewer sequences, or more
// pages, or a lower number.
auto Scheduler::WorseRank() const {
  return [this](int a, int b) {
    const auto key = [this](int r) {
      return std::tuple(ranks_[r].num_running, -ranks_[r].free_pages, r);
    };
    return key(b) < key(a);
  };
}

void Scheduler::FindCandidates() {
  candidates_.clear();
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    const Rank& rank = ranks_[r];
    if (rank.num_running < rank.slots && rank.num_preempted == 0) candidates_.push_back(r);
  }
  std::ranges::make_heap(candidates_, WorseRank());
}

void Scheduler::Start(NewSequence& next, int rank) {
  const int64_t num_prompt = next.prompt_ids_size();
  const int64_t longest = num_prompt + next.params().max_tokens();
  OCTET_CHECK(KvCache::PagesFor(longest) <= limits_.pages[rank])
      << "a request of " << longest << " tokens is larger than the KV cache";
  OCTET_CHECK(sequences_.empty() || sequences_.back().id < next.id()) << next.id();
  Sequence& s = sequences_.emplace_back(
      Sequence{.id = next.id(), .rank = rank, .num_prompt = num_prompt, .num_tokens = num_prompt});
  OCTET_CHECK(TakePages(s, num_prompt));
  ++ranks_[rank].num_running;
  steps_[rank].add_admit()->Swap(&next);
}

// Whether a sequence of so many tokens may start now.
bool Scheduler::HasRoom(const Rank& rank, int64_t num_tokens) const {
  return rank.free_pages >= KvCache::PagesFor(num_tokens) + SparePages(rank.num_running);
}

void Scheduler::AddCandidate(int rank) {
  candidates_.push_back(rank);
  std::ranges::push_heap(candidates_, WorseRank());
}

// The best candidate that has room, which is none from now on.
int Scheduler::TakeCandidate(int64_t num_tokens) {
  passed_over_.clear();
  int found = kNone;
  while (found == kNone && !candidates_.empty()) {
    std::ranges::pop_heap(candidates_, WorseRank());
    const int rank = candidates_.back();
    candidates_.pop_back();
    if (HasRoom(ranks_[rank], num_tokens)) {
      found = rank;
    } else {
      passed_over_.push_back(rank);
    }
  }
  for (const int rank : passed_over_) AddCandidate(rank);
  return found;
}

void Scheduler::FindPrompts() {
  for (Rank& rank : ranks_) rank.prompts.clear();
  for (Sequence& s : sequences_) {
    if (s.runs() && s.left() > 0) ranks_[s.rank].prompts.push_back(&s);
  }
}

// The oldest prompt gets half of what is left at least; the others what they need, the shortest
// first. So a long prompt neither waits for ever nor holds up short ones.
void Scheduler::Prefill(Rank& rank) {
  if (rank.prompts.empty()) return;
  Sequence& oldest = *rank.prompts.front();
  const std::span others = std::span(rank.prompts).subspan(1);
  int64_t wanted = 0;
  for (const Sequence* s : others) wanted += s->left();
  Schedule(oldest, std::min(oldest.left(), std::max(rank.budget - wanted, (rank.budget + 1) / 2)));
  std::ranges::sort(others, [](const Sequence* a, const Sequence* b) {
    return a->left() < b->left() || (a->left() == b->left() && a->id < b->id);
  });
  for (Sequence* s : others) Schedule(*s, std::min(s->left(), rank.budget));
}

void Scheduler::Schedule(Sequence& s, int64_t num_tokens) {
  if (num_tokens == 0) return;
  Chunk* chunk = steps_[s.rank].add_chunks();
  chunk->set_id(s.id);
  chunk->set_num_tokens(static_cast<int32_t>(num_tokens));
  ranks_[s.rank].budget -= num_tokens;
  step_counts_.prompt_tokens += std::clamp<int64_t>(s.num_prompt - s.num_computed, 0, num_tokens);
  s.num_computed += num_tokens;
}

// Called when the next request of a step found no room.
void Scheduler::CountWaiting() {
  bool has_slot = false;
  for (const Rank& rank : ranks_) {
    stats_.slots += rank.slots;
    stats_.busy_slots += rank.num_running;
    has_slot = has_slot || rank.num_running < rank.slots;
  }
  if (!has_slot) return;
  ++stats_.kv_waits;
  for (const int64_t pages : limits_.pages) stats_.kv_tokens += pages * kKvBlock;
  for (const Sequence& s : sequences_) stats_.live_kv_tokens += s.runs() ? s.num_tokens : 0;
}

void Scheduler::Finish(const StepResult& result) {
  for (const FinishedSequence& finished : result.finished()) {
    const auto found = std::ranges::lower_bound(sequences_, finished.id(), {}, &Sequence::id);
    OCTET_CHECK(found != sequences_.end() && found->id == finished.id() && !found->finished)
        << finished.id();
    --ranks_[found->rank].num_running;
    ranks_[found->rank].free_pages += found->num_pages;
    found->num_pages = 0;
    found->finished = true;
    ++num_finished_;
  }
}

}  // namespace octet
