#include "runtime/engine/home_choice.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "kernels/base/check.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

// Returns a rank's key. The rank with the least key has the least load.
auto LoadKey(std::span<const RankLoad> ranks, int r) {
  return std::tuple(ranks[r].num_running, -ranks[r].free_pages, r);
}

}  // namespace

std::optional<HomeSetting> ParseHomeSetting(const std::string& text) {
  constexpr std::string_view kAffinityPrefix = "affinity:";
  if (text.empty() || text == "least-loaded")
    return HomeSetting{.policy = HomePolicy::kLeastLoaded};
  if (text == "round-robin") return HomeSetting{.policy = HomePolicy::kRoundRobin};
  if (!text.starts_with(kAffinityPrefix) || text.size() == kAffinityPrefix.size()) {
    return std::nullopt;
  }
  return HomeSetting{.policy = HomePolicy::kAffinity, .trace = text.substr(kAffinityPrefix.size())};
}

bool RankLoad::HasRoom(int64_t num_tokens, const PagePool::Found& found) const {
  return free_pages + found.num_in_use >= KvCache::PagesFor(num_tokens) + SparePages(num_running);
}

int HomeChooser::Choose(std::span<const RankLoad> ranks, const NewSequence& request,
                        std::span<const PagePool::Found> found) {
  OCTET_CHECK(found.size() == ranks.size());
  const int64_t num_tokens = request.prompt_ids_size();
  took_candidate_ = false;
  found_ = found;
  if (request.has_home()) {
    OCTET_CHECK(request.home() >= 0 && request.home() < std::ssize(ranks)) << request.home();
    return MayStart(ranks, request.home(), num_tokens) ? request.home() : kNone;
  }
  if (policy_ == HomePolicy::kRoundRobin) return NextInTurn(ranks, num_tokens);
  return policy_ == HomePolicy::kAffinity ? Nearest(ranks, request)
                                          : LeastLoaded(ranks, num_tokens);
}

void HomeChooser::Start(std::span<const RankLoad> ranks, int rank) {
  latest_ = rank;
  if (!took_candidate_) {
    has_candidates_ = false;
  } else if (ranks[rank].HasSlot()) {
    AddCandidate(ranks, rank);
  }
}

int HomeChooser::NextInTurn(std::span<const RankLoad> ranks, int64_t num_tokens) const {
  const int num_ranks = static_cast<int>(ranks.size());
  for (int i = 1; i <= num_ranks; ++i) {
    const int rank = (latest_ + i) % num_ranks;
    if (MayStart(ranks, rank, num_tokens)) return rank;
  }
  return kNone;
}

// Computes the scores once for each request, when it is the next to start.
int HomeChooser::Nearest(std::span<const RankLoad> ranks, const NewSequence& request) {
  if (scored_id_ != request.id()) affinity_->Score(request.line(), scores_);
  scored_id_ = request.id();
  if (scores_.empty()) return LeastLoaded(ranks, request.prompt_ids_size());
  int best = kNone;
  for (int r = 0; r < std::ssize(ranks); ++r) {
    if (!MayStart(ranks, r, request.prompt_ids_size())) continue;
    const auto key = [&](int rank) {
      const HomeScore& score = scores_[rank];
      return std::tuple(-score.on_rank, -score.on_host, LoadKey(ranks, rank));
    };
    if (best == kNone || key(r) < key(best)) best = r;
  }
  return best;
}

int HomeChooser::LeastLoadedWithPages(std::span<const RankLoad> ranks, int64_t num_tokens) const {
  const auto key = [&](int r) {
    return std::tuple(ranks[r].num_running - found_[r].num_pages, LoadKey(ranks, r));
  };
  int best = kNone;
  for (int r = 0; r < std::ssize(ranks); ++r) {
    if (!MayStart(ranks, r, num_tokens)) continue;
    if (best == kNone || key(r) < key(best)) best = r;
  }
  return best;
}

auto HomeChooser::WorseRank(std::span<const RankLoad> ranks) const {
  return [ranks](int a, int b) { return LoadKey(ranks, b) < LoadKey(ranks, a); };
}

void HomeChooser::FindCandidates(std::span<const RankLoad> ranks) {
  candidates_.clear();
  for (int r = 0; r < std::ssize(ranks); ++r) {
    if (ranks[r].HasSlot() && ranks[r].num_preempted == 0) candidates_.push_back(r);
  }
  std::ranges::make_heap(candidates_, WorseRank(ranks));
  has_candidates_ = true;
}

void HomeChooser::AddCandidate(std::span<const RankLoad> ranks, int rank) {
  candidates_.push_back(rank);
  std::ranges::push_heap(candidates_, WorseRank(ranks));
}

// Returns the best candidate that has room, and removes it from the candidates.
int HomeChooser::LeastLoaded(std::span<const RankLoad> ranks, int64_t num_tokens) {
  if (std::ranges::any_of(found_, [](const auto& found) { return found.num_pages > 0; })) {
    return LeastLoadedWithPages(ranks, num_tokens);
  }
  if (!has_candidates_) FindCandidates(ranks);
  passed_over_.clear();
  int found = kNone;
  while (found == kNone && !candidates_.empty()) {
    std::ranges::pop_heap(candidates_, WorseRank(ranks));
    const int rank = candidates_.back();
    candidates_.pop_back();
    if (ranks[rank].HasRoom(num_tokens, found_[rank])) {
      found = rank;
    } else {
      passed_over_.push_back(rank);
    }
  }
  for (const int rank : passed_over_) AddCandidate(ranks, rank);
  took_candidate_ = true;
  return found;
}

}  // namespace octet
