#include "runtime/engine/scheduler.h"

#include <algorithm>

#include "kernels/base/check.h"
#include "runtime/engine/decode_room.h"
#include "runtime/model/kv_cache.h"

namespace octet {

Scheduler::Scheduler(const SchedulerLimits& limits, HomePolicy policy, const HomeAffinity* affinity)
    : limits_(limits),
      found_(limits.num_ranks()),
      work_(limits.num_ranks()),
      steps_(limits.num_ranks()),
      homes_(policy, affinity) {
  OCTET_CHECK(limits.max_num_seqs > 0 && limits.max_num_batched_tokens > 0);
  OCTET_CHECK(limits.group_size > 0 && limits.num_ranks() % limits.group_size == 0);
  for (int r = 0; r < limits.num_ranks(); ++r) {
    ranks_.push_back({.slots = limits.SlotsOf(r), .free_pages = limits.pages[r]});
    pools_.emplace_back(limits.pages[r], limits.prefix_cache);
  }
}

std::span<RankStep> Scheduler::NextStep() {
  step_counts_ = {};
  for (RankStep& step : steps_) step.Clear();
  if (!cancelled_.empty()) EndCancelled();
  if (num_finished_ > 0) std::erase_if(sequences_, [](const Sequence& s) { return s.finished; });
  num_finished_ = 0;
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    work_[r].budget = limits_.TokensOf(r);
  }
  for (Sequence& s : sequences_) {
    pools_[s.rank].Advance(s.tokens, s.num_computed, s.id, s.table);
    s.newest = nullptr;
    s.num_drafts = 0;
  }
  for (Sequence& s : sequences_) {
    if (s.follows) Follow(s);
  }
  for (Sequence& s : sequences_) {
    if (s.runs() && s.left() == 1 && s.todo() == 1) Decode(s);
  }
  Resume();
  Admit();
  FindPrompts();
  for (RankWork& work : work_) Prefill(work);
  FindDrafters();
  for (int r = 0; r < limits_.num_ranks(); r += limits_.group_size) {
    DraftTokens(r);
    DivideStep(r);
  }
  int64_t longest = 0;
  for (Sequence& s : sequences_) {
    if (s.left() == 0) {
      ++s.num_tokens;  // the one that this step samples
      ++step_counts_.sampled_tokens;
    }
    longest = std::max(longest, s.num_tokens);
  }
  SetDecodeRoom(limits_, longest, step_counts_.sampled_tokens, steps_);
  return steps_;
}

int64_t Scheduler::CountTokens(int first_rank) const {
  int64_t tokens = 0;
  for (const RankStep& step : std::span(steps_).subspan(first_rank, limits_.group_size)) {
    for (const Chunk& chunk : step.chunks()) tokens += chunk.num_tokens();
  }
  return tokens;
}

// Decides whether the group that begins with this rank divides its step into micro-batches.
void Scheduler::DivideStep(int first_rank) {
  const bool overlaps =
      limits_.overlap_tokens > 0 && CountTokens(first_rank) >= limits_.overlap_tokens;
  for (RankStep& step : std::span(steps_).subspan(first_rank, limits_.group_size)) {
    step.set_overlap(overlaps);
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
  s.newest = &Schedule(s, 1);
}

// Takes pages until the sequence has enough for `num_tokens` tokens in all. Returns false if the
// rank has too few.
bool Scheduler::TakePages(Sequence& s, int64_t num_tokens) {
  const bool has_room = pools_[s.rank].Grow(num_tokens, s.table);
  ranks_[s.rank].free_pages = pools_[s.rank].num_free();
  return has_room;
}

void Scheduler::Release(Sequence& s) {
  pools_[s.rank].Release(s.tokens, s.num_computed, s.id, s.table);
  ranks_[s.rank].free_pages = pools_[s.rank].num_free();
  s.follows = false;
  s.num_sent = 0;
}

// The ranks end them before they do anything else, so their pages and slots are free at once.
void Scheduler::EndCancelled() {
  std::erase_if(cancelled_, [this](int64_t id) {
    if (std::ranges::any_of(waiting_, [id](const NewSequence& w) { return w.id() == id; })) {
      return false;
    }
    const auto found = std::ranges::lower_bound(sequences_, id, {}, &Sequence::id);
    if (found == sequences_.end() || found->id != id || found->finished) return true;
    RankLoad& rank = ranks_[found->rank];
    --(found->runs() ? rank.num_running : rank.num_preempted);
    if (found->runs()) Release(*found);
    steps_[found->rank].add_cancel(id);
    found->finished = true;
    ++num_finished_;
    return true;
  });
}

void Scheduler::Preempt(Sequence& s) {
  RankLoad& rank = ranks_[s.rank];
  steps_[s.rank].add_preempt(s.id);
  Release(s);
  --rank.num_running;
  ++rank.num_preempted;
  ++stats_.preemptions;
  s.num_computed = 0;
}

void Scheduler::Resume() {
  for (Sequence& s : sequences_) {
    RankLoad& rank = ranks_[s.rank];
    if (s.runs() || !rank.HasRoom(s.num_tokens, pools_[s.rank].Find(s.findable()))) continue;
    TakeFirstPages(s);
    ++rank.num_running;
    --rank.num_preempted;
  }
}

void Scheduler::Admit() {
  homes_.BeginStep();
  while (!waiting_.empty()) {
    NewSequence& next = waiting_.front();
    FindPages(next);
    const int rank = homes_.Choose(ranks_, next, found_);
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
  Sequence& s =
      sequences_.emplace_back(Sequence{.id = next.id(),
                                       .rank = rank,
                                       .num_prompt = num_prompt,
                                       .longest = longest,
                                       .num_tokens = num_prompt,
                                       .needs_all = next.params().num_prompt_logprobs() >= 0});
  s.table.pages.reserve(KvCache::PagesFor(longest));
  if (limits_.prefix_cache) {
    s.tokens.reserve(longest);
    s.tokens.assign(next.prompt_ids().begin(), next.prompt_ids().end());
    stats_.prompt_tokens += num_prompt;
  }
  TakeFirstPages(s);
  ++ranks_[rank].num_running;
  next.clear_home();
  steps_[rank].add_admit()->Swap(&next);
}

void Scheduler::FindPrompts() {
  for (RankWork& work : work_) work.prompts.clear();
  for (Sequence& s : sequences_) {
    if (s.runs() && s.todo() > 0) work_[s.rank].prompts.push_back(&s);
  }
}

// The oldest prompt gets at least half of the budget that is left. The others get what they need,
// the shortest first. So a long prompt never waits forever, and does not delay short ones.
void Scheduler::Prefill(RankWork& work) {
  if (work.prompts.empty()) return;
  Sequence& oldest = *work.prompts.front();
  const std::span others = std::span(work.prompts).subspan(1);
  int64_t wanted = 0;
  for (const Sequence* s : others) wanted += s->todo();
  const int64_t most = std::max(work.budget - wanted, (work.budget + 1) / 2);
  if (most > 0) Schedule(oldest, std::min(oldest.todo(), most));
  std::ranges::sort(others, [](const Sequence* a, const Sequence* b) {
    return a->todo() < b->todo() || (a->todo() == b->todo() && a->id < b->id);
  });
  for (Sequence* s : others) {
    if (work.budget > 0) Schedule(*s, std::min(s->todo(), work.budget));
  }
}

Chunk& Scheduler::Schedule(Sequence& s, int64_t num_tokens) {
  Chunk& chunk = *steps_[s.rank].add_chunks();
  chunk.set_id(s.id);
  chunk.set_num_tokens(static_cast<int32_t>(num_tokens));
  chunk.set_first_position(static_cast<int32_t>(s.num_computed));
  SendPages(s, chunk);
  work_[s.rank].budget -= num_tokens;
  step_counts_.prompt_tokens += std::clamp<int64_t>(s.num_prompt - s.num_computed, 0, num_tokens);
  stats_.recomputed_tokens += std::clamp<int64_t>(s.most_computed - s.num_computed, 0, num_tokens);
  s.num_computed += num_tokens;
  s.most_computed = std::max(s.most_computed, s.num_computed);
  return chunk;
}

void Scheduler::SendPages(Sequence& s, Chunk& chunk) {
  chunk.mutable_pages()->Add(s.table.pages.begin() + s.num_sent, s.table.pages.end());
  s.num_sent = std::ssize(s.table.pages);
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
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    stats_.kv_tokens += limits_.pages[r] * kKvBlock;
    stats_.live_kv_tokens += (limits_.pages[r] - pools_[r].num_free()) * kKvBlock;
  }
  for (const Sequence& s : sequences_) {
    const int64_t room = std::ssize(s.table.pages) * kKvBlock;
    if (s.runs()) stats_.live_kv_tokens -= room - s.num_tokens;
  }
}

Scheduler::Sequence& Scheduler::Find(int64_t id) {
  const auto found = std::ranges::lower_bound(sequences_, id, {}, &Sequence::id);
  OCTET_CHECK(found != sequences_.end() && found->id == id && !found->finished) << id;
  return *found;
}

void Scheduler::Finish(const StepResult& result) {
  TakeSampled(result);
  for (const FinishedSequence& finished : result.finished()) {
    if (finished.finish_reason() == CANCELLED) continue;  // ended by EndCancelled
    Sequence& s = Find(finished.id());
    Release(s);
    --ranks_[s.rank].num_running;
    s.finished = true;
    ++num_finished_;
  }
}

// A sequence's second token, and each later one, comes behind a draft token that was right.
void Scheduler::TakeSampled(const StepResult& result) {
  const Sequence* latest = nullptr;
  for (const SampledToken& sampled : result.sampled()) {
    Sequence& s = Find(sampled.id());
    if (limits_.prefix_cache) s.tokens.push_back(sampled.token());
    if (&s == latest) {
      ++s.num_tokens;
      ++s.num_computed;
      s.most_computed = std::max(s.most_computed, s.num_computed);
      ++step_counts_.sampled_tokens;
      ++stats_.accepted_tokens;
    }
    s.num_right = kNoDraft;
    latest = &s;
  }
  for (const Draft& draft : result.drafts()) Find(draft.id()).num_right = draft.num_right();
}

}  // namespace octet
