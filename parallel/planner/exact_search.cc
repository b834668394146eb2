#include "parallel/planner/exact_search.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr int64_t kMostValues = int64_t{1} << 23;  // in memory

double SumOf(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

bool ExactSearch::CanSearch(int num_experts, int num_ranks, int64_t num_steps) {
  return num_ranks <= kMostRanks && num_experts <= kMostExperts &&
         num_steps * ((1 << num_ranks) + 3 * num_experts) <= kMostValues;
}

ExactSearch::ExactSearch(const StepMatrix& steps, std::span<const int> slots,
                         std::span<const double> speeds)
    : num_steps_(steps.num_steps()),
      order_(steps.num_experts()),
      heaviest_((order_.size() + 1) * num_steps_),
      speeds_(speeds.begin(), speeds.end()),
      speeds_of_sets_(size_t{1} << speeds.size()),
      free_(slots.begin(), slots.end()),
      num_free_(std::accumulate(slots.begin(), slots.end(), 0)),
      experts_on_(slots.size()),
      ranks_of_(order_.size()),
      tokens_of_sets_(num_steps_ << speeds.size()),
      unplaced_(num_steps_),
      times_((order_.size() + 1) * num_steps_) {
  OCTET_CHECK(CanSearch(steps.num_experts(), static_cast<int>(slots.size()), steps.num_steps()));
  std::iota(order_.begin(), order_.end(), 0);
  std::ranges::stable_sort(
      order_, [&](int a, int b) { return SumOf(steps.expert(a)) > SumOf(steps.expert(b)); });
  for (const int expert : order_) {
    tokens_.insert(tokens_.end(), steps.expert(expert).begin(), steps.expert(expert).end());
  }
  for (size_t i = order_.size(); i-- > 0;) {
    for (size_t s = 0; s < num_steps_; ++s) {
      const double tokens = Of(tokens_, i)[s];
      Of(heaviest_, i)[s] = std::max(Of(heaviest_, i + 1)[s], tokens);
      unplaced_[s] += tokens;
    }
  }
  for (size_t set = 1; set < speeds_of_sets_.size(); ++set) {
    const int rank = std::countr_zero(set);
    speeds_of_sets_[set] = speeds_of_sets_[set & (set - 1)] + speeds_[rank];
  }
  std::vector<double> descending = speeds_;
  std::ranges::sort(descending, std::greater());
  fastest_.push_back(0);
  for (const double speed : descending) fastest_.push_back(fastest_.back() + speed);
}

uint32_t ExactSearch::RanksWithFree() const {
  uint32_t ranks = 0;
  for (size_t r = 0; r < free_.size(); ++r) ranks |= free_[r] > 0 ? 1U << r : 0;
  return ranks;
}

// Returns the slots that the experts from `next` on leave if each has one.
int ExactSearch::NumSpare(size_t next) const {
  return num_free_ - static_cast<int>(order_.size() - next);
}

// Gives the tokens of an expert to the sets that have all of its ranks, or takes them back.
void ExactSearch::Take(size_t next, uint32_t ranks, int sign) {
  const std::span<const double> tokens = Of(tokens_, next);
  for (uint32_t left = ranks; left != 0; left &= left - 1) {
    free_[std::countr_zero(left)] -= sign;
    experts_on_[std::countr_zero(left)] ^= 1U << next;
  }
  num_free_ -= sign * std::popcount(ranks);
  for (size_t s = 0; s < num_steps_; ++s) unplaced_[s] -= sign * tokens[s];
  for (uint32_t set = ranks; set < speeds_of_sets_.size(); set = (set + 1) | ranks) {
    const std::span<double> of_set = Of(tokens_of_sets_, set);
    for (size_t s = 0; s < num_steps_; ++s) of_set[s] += sign * tokens[s];
    operations_left_ -= static_cast<double>(num_steps_) + 1;
  }
}

// Looks at the sets whose tokens have become more: those with `ranks`, and if these have filled a
// rank, those with all free slots.
bool ExactSearch::CanBeBetter(size_t placed, uint32_t ranks, bool has_filled) {
  const std::span<double> times = Of(times_, placed);
  const uint32_t with_free = RanksWithFree();
  const double reach = fastest_[std::clamp<int>(NumSpare(placed) + 1, 1, std::ssize(free_))];
  const std::span<const double> before = Of(times_, placed - 1);
  const std::span<const double> heaviest = Of(heaviest_, placed);
  for (size_t s = 0; s < num_steps_; ++s) times[s] = std::max(before[s], heaviest[s] / reach);
  const uint32_t least = has_filled ? ranks & with_free : ranks;
  for (uint32_t set = least; set < speeds_of_sets_.size(); set = (set + 1) | least) {
    const bool has_others = (set & with_free) == with_free;
    if (set == 0 || (!has_others && (set & ranks) != ranks)) continue;
    const double speed = speeds_of_sets_[set];
    const std::span<const double> tokens = Of(tokens_of_sets_, set);
    const double others = has_others ? 1 : 0;
    for (size_t s = 0; s < num_steps_; ++s) {
      times[s] = std::max(times[s], (tokens[s] + others * unplaced_[s]) / speed);
    }
    operations_left_ -= static_cast<double>(num_steps_) + 1;
  }
  return SumOf(times) < time_;
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

void ExactSearch::PlaceOn(size_t next, uint32_t ranks) {
  const uint32_t with_free = RanksWithFree();
  ranks_of_[order_[next]] = ranks;
  Take(next, ranks, 1);
  const bool has_filled = RanksWithFree() != with_free;
  if (CanBeBetter(next + 1, ranks, has_filled)) Place(next + 1);
  Take(next, ranks, -1);
}

// Takes ranks of this kind and of those that follow, at least `least` and at most `most`.
void ExactSearch::PlaceOnKinds(size_t next, std::vector<Kind>& kinds, size_t kind, int least,
                               int most) {
  if (operations_left_ < 0) return;
  if (kind == kinds.size()) {
    uint32_t ranks = 0;
    for (const Kind& chosen : kinds) {
      for (int i = 0; i < chosen.taken; ++i) ranks |= 1U << chosen.ranks[i];
    }
    if (least <= 0 && ranks != 0) PlaceOn(next, ranks);
    return;
  }
  for (int n = 0; n <= std::min<int>(most, static_cast<int>(kinds[kind].ranks.size())); ++n) {
    kinds[kind].taken = n;
    PlaceOnKinds(next, kinds, kind + 1, least - n, most - n);
  }
  kinds[kind].taken = 0;
}

// Returns the number of ranks with fewer of which the expert can't be.
int ExactSearch::LeastRanks(size_t next) {
  const std::span<const double> times = Of(times_, next);
  const std::span<const double> tokens = Of(tokens_, next);
  const auto sum_with = [&](int ranks) {
    double sum = 0;
    for (size_t s = 0; s < num_steps_; ++s) sum += std::max(times[s], tokens[s] / fastest_[ranks]);
    return sum;
  };
  int least = 1;
  while (least < std::ssize(free_) && sum_with(least) >= time_) ++least;
  return least;
}

// Returns whether a rank has a free slot for an expert that it does not have.
bool ExactSearch::HasUseForFree() const {
  for (size_t r = 0; r < free_.size(); ++r) {
    if (free_[r] > 0 && std::popcount(experts_on_[r]) < std::ssize(order_)) return true;
  }
  return false;
}

void ExactSearch::JudgePlacement() {
  if (HasUseForFree()) return;
  LayerRanks found(ranks_of_.size());
  for (size_t e = 0; e < ranks_of_.size(); ++e) {
    for (uint32_t left = ranks_of_[e]; left != 0; left &= left - 1) {
      found[e].push_back(std::countr_zero(left));
    }
  }
  const Judgement judgement = (*judge_)(found);
  time_ = std::min(time_, judgement.time * static_cast<double>(num_steps_));
  operations_left_ -= judgement.operations;
}

void ExactSearch::Place(size_t next) {
  if (next == order_.size()) return JudgePlacement();
  const int most = NumSpare(next) + 1;  // each expert that follows needs a slot
  std::vector<Kind> kinds = FindKinds();
  PlaceOnKinds(next, kinds, 0, LeastRanks(next), most);
}

bool ExactSearch::VisitBetter(double time, double most_operations, Judge judge) {
  time_ = time * static_cast<double>(num_steps_);
  operations_left_ = most_operations;
  judge_ = &judge;
  std::ranges::fill(Of(times_, 0), 0);
  Place(0);
  return operations_left_ >= 0;
}

}  // namespace octet
