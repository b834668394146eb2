#include "runtime/engine/scheduler.h"

#include <algorithm>
#include <bit>

#include "kernels/base/check.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

// With fewer positions, attention costs too little for a shape of its own.
constexpr int64_t kLeastContextRoom = 512;

// Returns the part of `total` that the r-th of n gets. n may exceed `total`.
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

int64_t SchedulerLimits::SlotsOf(int rank) const {
  return Share(SlotsOfGroup(*this), group_size, rank % group_size);
}

Scheduler::Scheduler(const SchedulerLimits& limits, HomePolicy policy, const HomeAffinity* affinity)
    : limits_(limits),
      work_(limits.num_ranks()),
      steps_(limits.num_ranks()),
      homes_(policy, affinity) {
  OCTET_CHECK(limits.max_num_seqs > 0 && limits.max_num_batched_tokens > 0);
  OCTET_CHECK(limits.group_size > 0 && limits.num_ranks() % limits.group_size == 0);
  for (int r = 0; r < limits.num_ranks(); ++r) {
    ranks_.push_back({.slots = limits.SlotsOf(r), .free_pages = limits.pages[r]});
  }
}

std::span<RankStep> Scheduler::NextStep() {
  step_counts_ = {};
  if (num_finished_ > 0) std::erase_if(sequences_, [](const Sequence& s) { return s.finished; });
  num_finished_ = 0;
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    steps_[r].Clear();
    work_[r].budget =
        Share(limits_.max_num_batched_tokens, limits_.group_size, r % limits_.group_size);
  }
  for (Sequence& s : sequences_) {
    if (s.runs() && s.left() == 1) Decode(s);
  }
  Resume();
  Admit();
  FindPrompts();
  for (RankWork& work : work_) Prefill(work);
  for (int r = 0; r < limits_.num_ranks(); r += limits_.group_size) DivideStep(r);
  for (Sequence& s : sequences_) {
    if (s.left() > 0) continue;
    ++s.num_tokens;  // the one that this step samples
    ++step_counts_.sampled_tokens;
  }
  if (limits_.decode_room > 0) FindDecodeRoom();
  return steps_;
}

// Decides whether the group that begins with this rank divides its step into micro-batches.
void Scheduler::DivideStep(int first_rank) {
  const std::span group = std::span(steps_).subspan(first_rank, limits_.group_size);
  int64_t tokens = 0;
  for (const RankStep& step : group) {
    for (const Chunk& chunk : step.chunks()) tokens += chunk.num_tokens();
  }
  const bool overlaps = limits_.overlap_tokens > 0 && tokens >= limits_.overlap_tokens;
  for (RankStep& step : group) step.set_overlap(overlaps);
}

// Few shapes occur, because each is recorded by itself.
void Scheduler::FindDecodeRoom() {
  int64_t most = 0;
  int64_t total = 0;
  for (const RankStep& step : steps_) {
    if (std::ranges::any_of(step.chunks(), [](const Chunk& c) { return c.num_tokens() > 1; }))
      return;
    most = std::max<int64_t>(most, step.chunks_size());
    total += step.chunks_size();
  }
  if (most == 0 || most > limits_.decode_room || total > step_counts_.sampled_tokens) return;
  int64_t context = kLeastContextRoom;
  for (const Sequence& s : sequences_) context = std::max(context, s.num_tokens);
  const auto room = [](int64_t count) {
    return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(count)));
  };
  for (RankStep& step : steps_) {
    step.mutable_decode()->set_tokens(std::min(room(most), limits_.decode_room));
    step.mutable_decode()->set_context(room(context));
  }
}

// Called for the oldest sequence first, so a sequence that is preempted here is younger than all
// that are already in this step.
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

// Takes pages until the sequence has enough for `num_tokens` tokens in all. Returns false if the
// rank has too few.
bool Scheduler::TakePages(Sequence& s, int64_t num_tokens) {
  const int64_t more = KvCache::PagesFor(num_tokens) - s.num_pages;
  if (more > ranks_[s.rank].free_pages) return false;
  ranks_[s.rank].free_pages -= more;
  s.num_pages += more;
  return true;
}

void Scheduler::Preempt(Sequence& s) {
  RankLoad& rank = ranks_[s.rank];
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
    RankLoad& rank = ranks_[s.rank];
    if (s.runs() || !rank.HasRoom(s.num_tokens)) continue;
    OCTET_CHECK(TakePages(s, s.num_tokens));
    ++rank.num_running;
    --rank.num_preempted;
  }
}

void Scheduler::Admit() {
  homes_.BeginStep();
  while (!waiting_.empty()) {
    NewSequence& next = waiting_.front();
    const int rank = homes_.Choose(ranks_, next);
    if (rank == HomeChooser::kNone) return CountWaiting(next);
    Start(next, rank);
    homes_.Start(ranks_, rank);
    waiting_.pop_front();
  }
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
  next.clear_home();
  steps_[rank].add_admit()->Swap(&next);
}

void Scheduler::FindPrompts() {
  for (RankWork& work : work_) work.prompts.clear();
  for (Sequence& s : sequences_) {
    if (s.runs() && s.left() > 0) work_[s.rank].prompts.push_back(&s);
  }
}

// The oldest prompt gets at least half of the budget that is left. The others get what they need,
// the shortest first. So a long prompt never waits forever, and does not delay short ones.
void Scheduler::Prefill(RankWork& work) {
  if (work.prompts.empty()) return;
  Sequence& oldest = *work.prompts.front();
  const std::span others = std::span(work.prompts).subspan(1);
  int64_t wanted = 0;
  for (const Sequence* s : others) wanted += s->left();
  Schedule(oldest, std::min(oldest.left(), std::max(work.budget - wanted, (work.budget + 1) / 2)));
  std::ranges::sort(others, [](const Sequence* a, const Sequence* b) {
    return a->left() < b->left() || (a->left() == b->left() && a->id < b->id);
  });
  for (Sequence* s : others) Schedule(*s, std::min(s->left(), work.budget));
}

void Scheduler::Schedule(Sequence& s, int64_t num_tokens) {
  if (num_tokens == 0) return;
  Chunk* chunk = steps_[s.rank].add_chunks();
  chunk->set_id(s.id);
  chunk->set_num_tokens(static_cast<int32_t>(num_tokens));
  work_[s.rank].budget -= num_tokens;
  step_counts_.prompt_tokens += std::clamp<int64_t>(s.num_prompt - s.num_computed, 0, num_tokens);
  s.num_computed += num_tokens;
}

// Counts a step in which the next request found no room.
void Scheduler::CountWaiting(const NewSequence& next) {
  bool has_slot = false;
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    stats_.slots += ranks_[r].slots;
    stats_.busy_slots += ranks_[r].num_running;
    const bool may_live_here = !next.has_home() || next.home() == r;
    has_slot = has_slot || (may_live_here && ranks_[r].HasSlot());
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
