// What a Scheduler does about tokens that others compute or have computed.

#include <algorithm>

#include "runtime/engine/scheduler.h"

namespace octet {
namespace {

// A sequence always computes its last token.
std::span<const int32_t> AllButLast(std::span<const int32_t> tokens) {
  return tokens.first(tokens.empty() ? 0 : tokens.size() - 1);
}

}  // namespace

std::span<const int32_t> Scheduler::Sequence::findable() const {
  const std::span<const int32_t> others = AllButLast(tokens);
  return needs_all ? others.first(std::min<size_t>(others.size(), most_computed)) : others;
}

void Scheduler::FindPages(const NewSequence& next) {
  if (!limits_.prefix_cache) return;
  const std::span prompt(next.prompt_ids().data(), next.prompt_ids_size());
  const bool needs_all = next.params().num_prompt_logprobs() >= 0;
  for (int r = 0; r < limits_.num_ranks(); ++r) {
    found_[r] =
        ranks_[r].HasSlot() && !needs_all ? pools_[r].Find(AllButLast(prompt)) : PagePool::Found();
  }
}

// Takes the pages of a sequence that begins or resumes: those that its rank has, and new ones.
void Scheduler::TakeFirstPages(Sequence& s) {
  pools_[s.rank].Share(s.findable(), s.table);
  OCTET_CHECK(TakePages(s, s.num_tokens));
  pools_[s.rank].Index(s.tokens, s.id, s.table);
  s.follows = limits_.prefix_cache;
  if (s.follows) Follow(s);
}

// Passes over the tokens that others have computed for the sequence. If others compute the next
// ones, it waits; if nobody does any more, it does so itself.
void Scheduler::Follow(Sequence& s) {
  PagePool& pool = pools_[s.rank];
  if (s.num_computed <= s.table.shared_tokens()) PassOver(s, pool.CountReady(s.table));
  s.end = s.num_computed;
  if (s.num_computed < s.table.shared_tokens()) {
    s.end = pool.Claim(s.num_computed, s.id, s.table);
    s.follows = s.end < s.table.shared_tokens();
  } else {
    s.follows = s.num_computed == s.table.shared_tokens() && FollowTail(s);
  }
}

// The page after the shared ones is the sequence's own. What another page has of its first tokens
// is copied. Returns whether the sequence must wait for that. It waits for older ones alone, so
// that sequences never wait for each other.
bool Scheduler::FollowTail(Sequence& s) {
  const PagePool::Tail tail = pools_[s.rank].FindTail(s.findable(), s.id, s.table);
  if (tail.num_ready < tail.num_tokens) return true;
  if (tail.num_ready == 0) return false;
  PageCopy* copy = steps_[s.rank].add_copies();
  copy->set_from(tail.page);
  copy->set_to(s.table.pages[s.table.num_shared]);
  PassOver(s, s.num_computed + tail.num_ready);
  return false;
}

void Scheduler::PassOver(Sequence& s, int64_t num_tokens) {
  const int64_t before = std::max(s.num_computed, s.most_computed);
  stats_.found_tokens +=
      std::max<int64_t>(std::min(num_tokens, s.num_prompt) - std::min(before, s.num_prompt), 0);
  s.num_computed = std::max(s.num_computed, num_tokens);
  s.most_computed = std::max(s.most_computed, s.num_computed);
}

}  // namespace octet
