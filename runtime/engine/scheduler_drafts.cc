// What a Scheduler does about draft tokens.

#include "kernels/base/check.h"
#include "runtime/engine/draft_scale.h"
#include "runtime/engine/scheduler.h"
#include "runtime/model/kv_cache.h"

namespace octet {

void Scheduler::FindDrafters() {
  for (RankWork& work : work_) work.drafters.clear();
  if (limits_.drafts.of_sequence == 0) return;
  for (Sequence& s : sequences_) {
    if (s.newest != nullptr && s.num_right != kNoDraft) work_[s.rank].drafters.push_back(&s);
  }
}

// Puts draft tokens behind the newest tokens of a group's sequences, in what prompts left of the
// budget: behind each a first one, then behind each a second one. Until TakeSampled learns that
// they are right, the scheduler counts them as not computed.
void Scheduler::DraftTokens(int first_rank) {
  const std::span group = std::span(work_).subspan(first_rank, limits_.group_size);
  DraftScale scale(limits_.drafts, CountTokens(first_rank));
  bool goes_on = true;
  for (int64_t n = 1; goes_on && n <= limits_.drafts.of_sequence; ++n) {
    goes_on = false;
    for (RankWork& work : group) {
      for (Sequence* s : work.drafters) {
        if (s->num_drafts < n - 1 || !MayDraft(*s) || !scale.Take(s->num_right, n)) continue;
        ++s->num_drafts;
        --work.budget;
        goes_on = true;
      }
    }
  }
  for (RankWork& work : group) {
    for (Sequence* s : work.drafters) SendDraft(*s);
  }
}

// Whether there is room for one more. The answer's last token is never a draft token. They take no
// page that a running sequence could need in the next step, so that nobody gives way to them.
bool Scheduler::MayDraft(const Sequence& s) const {
  const int64_t num_tokens = s.num_tokens + s.num_drafts + 1;
  const RankLoad& rank = ranks_[s.rank];
  return work_[s.rank].budget > 0 && num_tokens < s.longest &&
         (KvCache::PagesFor(num_tokens) <= std::ssize(s.table.pages) ||
          rank.free_pages > rank.num_running);
}

void Scheduler::SendDraft(Sequence& s) {
  if (s.num_drafts == 0) return;
  OCTET_CHECK(TakePages(s, s.num_tokens + s.num_drafts));
  s.newest->set_num_tokens(static_cast<int32_t>(1 + s.num_drafts));
  SendPages(s, *s.newest);
  stats_.draft_tokens += s.num_drafts;
}

}  // namespace octet
