#include "parallel/planner/exact_search.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {

ExactSearch::ExactSearch(std::span<const int64_t> tokens, std::span<const int> slots,
                         std::span<const double> speeds)
    : order_(tokens.size()),
      tokens_(tokens.begin(), tokens.end()),
      speeds_(speeds.begin(), speeds.end()),
      speeds_of_sets_(size_t{1} << speeds.size()),
      free_(slots.begin(), slots.end()),
      num_free_(std::accumulate(slots.begin(), slots.end(), 0)),
      experts_on_(slots.size()),
      ranks_of_(tokens.size()),
      tokens_of_sets_(size_t{1} << speeds.size()),
      unplaced_(std::accumulate(tokens.begin(), tokens.end(), 0.0)) {
  OCTET_CHECK(std::ssize(tokens) <= kMostExperts && std::ssize(slots) <= kMostRanks);
  std::iota(order_.begin(), order_.end(), 0);
  std::ranges::stable_sort(order_, [&](int a, int b) { return tokens_[a] > tokens_[b]; });
  for (size_t set = 1; set < speeds_of_sets_.size(); ++set) {
    const int rank = std::countr_zero(set);
    speeds_of_sets_[set] = speeds_of_sets_[set & (set - 1)] + speeds_[rank];
  }
  std::vector<double> descending = speeds_;
  std::ranges::sort(descending, std::greater());
  fastest_.push_back(0);
  for (const double speed : descending) fastest_.push_back(fastest_.back() + speed);
}

void ExactSearch::Add(uint32_t ranks, double tokens) {
  for (uint32_t set = 0; set < tokens_of_sets_.size(); ++set) {
    if ((set & ranks) == ranks) tokens_of_sets_[set] += tokens;
  }
}

bool ExactSearch::CanBeBetter() const {
  uint32_t with_free = 0;
  for (size_t r = 0; r < free_.size(); ++r) with_free |= free_[r] > 0 ? 1U << r : 0;
  for (uint32_t set = 1; set < tokens_of_sets_.size(); ++set) {
    const double others = (set & with_free) == with_free ? unplaced_ : 0;
    if (tokens_of_sets_[set] + others >= time_ * speeds_of_sets_[set]) return false;
  }
  return true;
}

std::vector<ExactSearch::Kind> ExactSearch::FindKinds() const {
  std::vector<Kind> kinds;
  for (int r = 0; r < std::ssize(free_); ++r) {
    if (free_[r] == 0) continue;
    const auto alike = std::ranges::find_if(kinds, [&](const Kind& kind) {
      const int other = kind.ranks.front();
      return free_[other] == free_[r] && speeds_[other] == speeds_[r] &&
             experts_on_[other] == experts_on_[r];
    });
    if (alike != kinds.end()) {
      alike->ranks.push_back(r);
    } else {
      kinds.push_back({.ranks = {r}});
    }
  }
  return kinds;
}

ExactSearch::Outcome ExactSearch::PlaceOn(size_t next, uint32_t ranks) {
  if (--steps_left_ < 0) return Outcome::kUnknown;
  const int expert = order_[next];
  const auto take = [&](int slots) {
    for (uint32_t left = ranks; left != 0; left &= left - 1) {
      free_[std::countr_zero(left)] -= slots;
      experts_on_[std::countr_zero(left)] ^= 1U << expert;
    }
    num_free_ -= slots * std::popcount(ranks);
    unplaced_ -= slots * tokens_[expert];
    Add(ranks, slots * tokens_[expert]);
  };
  ranks_of_[expert] = ranks;
  take(1);
  const Outcome outcome = CanBeBetter() ? Place(next + 1) : Outcome::kNone;
  take(-1);
  return outcome;
}

// Takes ranks of this kind and of those that follow, at least `least` and at most `most`.
ExactSearch::Outcome ExactSearch::PlaceOnKinds(size_t next, std::vector<Kind>& kinds, size_t kind,
                                               int least, int most) {
  if (kind == kinds.size()) {
    uint32_t ranks = 0;
    for (const Kind& chosen : kinds) {
      for (int i = 0; i < chosen.taken; ++i) ranks |= 1U << chosen.ranks[i];
    }
    return least > 0 || ranks == 0 ? Outcome::kNone : PlaceOn(next, ranks);
  }
  for (int n = 0; n <= std::min<int>(most, static_cast<int>(kinds[kind].ranks.size())); ++n) {
    kinds[kind].taken = n;
    const Outcome outcome = PlaceOnKinds(next, kinds, kind + 1, least - n, most - n);
    if (outcome != Outcome::kNone) return outcome;
  }
  kinds[kind].taken = 0;
  return Outcome::kNone;
}

ExactSearch::Outcome ExactSearch::Place(size_t next) {
  if (next == order_.size()) return Outcome::kBetter;
  const double tokens = tokens_[order_[next]];
  int least = 1;
  while (least < std::ssize(free_) && tokens >= time_ * fastest_[least]) ++least;
  // Each expert that follows needs a slot.
  const int most = num_free_ - static_cast<int>(order_.size() - next - 1);
  std::vector<Kind> kinds = FindKinds();
  return PlaceOnKinds(next, kinds, 0, least, most);
}

ExactSearch::Outcome ExactSearch::FindBetter(double time, int64_t most_steps, LayerRanks& better) {
  time_ = time;
  steps_left_ = most_steps;
  const Outcome outcome = Place(0);
  if (outcome != Outcome::kBetter) return outcome;
  better.assign(ranks_of_.size(), {});
  for (size_t e = 0; e < ranks_of_.size(); ++e) {
    for (uint32_t left = ranks_of_[e]; left != 0; left &= left - 1) {
      better[e].push_back(std::countr_zero(left));
    }
  }
  return outcome;
}

}  // namespace octet
