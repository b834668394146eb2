#include "parallel/planner/layer_search.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"

namespace octet {
namespace {

bool Has(const std::vector<int32_t>& items, int32_t item) {
  return std::ranges::find(items, item) != items.end();
}

// Returns the number of slots of each expert.
std::vector<int> CountReplicas(std::span<const int64_t> tokens, int num_slots, int num_ranks) {
  std::vector<int> replicas(tokens.size(), 1);
  const auto share = [&](size_t e) {
    return static_cast<double>(tokens[e]) / static_cast<double>(replicas[e]);
  };
  for (int left = num_slots - static_cast<int>(tokens.size()); left > 0; --left) {
    int64_t heaviest = -1;
    for (int64_t e = 0; e < std::ssize(tokens); ++e) {
      if (replicas[e] == num_ranks) continue;
      if (heaviest < 0 || share(e) > share(heaviest)) heaviest = e;
    }
    if (heaviest < 0) break;
    ++replicas[heaviest];
  }
  return replicas;
}

// The slots of a layer while they are being filled.
class Filling {
 public:
  Filling(std::span<const int> slots, std::span<const double> speeds)
      : slots_(slots), speeds_(speeds), loads_(slots.size()), filled_(slots.size()) {}

  // Returns false if no rank with a free slot lacks the expert.
  bool Add(int32_t expert, double tokens) {
    int64_t best = -1;
    const auto time = [&](int64_t r) { return (loads_[r] + tokens) / speeds_[r]; };
    for (int64_t r = 0; r < std::ssize(slots_); ++r) {
      if (std::ssize(filled_[r]) == slots_[r] || Has(filled_[r], expert)) continue;
      if (best < 0 || time(r) < time(best)) best = r;
    }
    if (best < 0) return false;
    filled_[best].push_back(expert);
    loads_[best] += tokens;
    return true;
  }

  LayerSlots Take() { return std::move(filled_); }

 private:
  std::span<const int> slots_;
  std::span<const double> speeds_;
  std::vector<double> loads_;
  LayerSlots filled_;
};

}  // namespace

LayerSlots FillGreedily(std::span<const int64_t> tokens, std::span<const int> slots,
                        std::span<const double> speeds) {
  int num_slots = 0;
  int num_ranks = 0;
  for (const int of_rank : slots) {
    num_slots += of_rank;
    num_ranks += of_rank > 0 ? 1 : 0;
  }
  const std::vector<int> replicas = CountReplicas(tokens, num_slots, num_ranks);
  std::vector<std::pair<double, int32_t>> shares;  // tokens of a replica, and its expert
  for (int32_t e = 0; e < std::ssize(tokens); ++e) {
    const double share = static_cast<double>(tokens[e]) / static_cast<double>(replicas[e]);
    shares.insert(shares.end(), replicas[e], {share, e});
  }
  const auto heavier = [](const auto& a, const auto& b) { return a.first > b.first; };
  std::ranges::stable_sort(shares, heavier);
  Filling filling(slots, speeds);
  int spare = 0;
  for (const auto& [share, expert] : shares) spare += filling.Add(expert, share) ? 0 : 1;
  // A replica without a rank leaves its slot to the heaviest experts that its rank lacks.
  for (const auto& [share, expert] : shares) {
    if (spare > 0 && filling.Add(expert, share)) --spare;
  }
  return filling.Take();
}

void LayerSearch::FindCritical(const LayerRanks& ranks) {
  const std::span<const uint8_t> marked = task_.critical(ranks);
  critical_.clear();
  for (int32_t r = 0; r < std::ssize(marked); ++r) {
    if (marked[r] != 0) critical_.push_back(r);
  }
}

LayerSearch::Slot LayerSearch::DrawSlot(const LayerSlots& slots, bool critical) {
  while (true) {
    const size_t drawn = Draw(critical ? critical_.size() : slots.size());
    const int32_t rank = critical ? critical_[drawn] : static_cast<int32_t>(drawn);
    if (!slots[rank].empty()) return {rank, static_cast<int32_t>(Draw(slots[rank].size()))};
  }
}

// Returns false if the drawn change can't be made.
bool LayerSearch::DrawChange(const LayerSlots& slots, Change& change) {
  change.a = DrawSlot(slots, !critical_.empty() && Draw(4) != 0);
  change.b = DrawSlot(slots, false);
  const int32_t expert = slots[change.a.rank][change.a.index];
  const int32_t other = slots[change.b.rank][change.b.index];
  if (change.a.rank == change.b.rank || expert == other) return false;
  if (Has(slots[change.b.rank], expert)) return false;
  change.is_swap = ranks_[other].size() == 1 || Draw(2) == 0;
  return !change.is_swap || !Has(slots[change.a.rank], other);
}

void LayerSearch::Shake(LayerSlots& slots) {
  constexpr int kChanges = 3;
  Change change;
  for (int i = 0; i < kChanges; ++i) {
    if (!DrawChange(slots, change)) continue;
    std::swap(At(slots, change.a), At(slots, change.b));
    if (!change.is_swap) At(slots, change.a) = At(slots, change.b);
    ranks_ = RanksOf(slots, task_.num_experts);
  }
}

LayerSlots LayerSearch::Improve(LayerSlots start) {
  LayerSlots now = std::move(start);
  ranks_ = RanksOf(now, task_.num_experts);
  double value = task_.value(ranks_);
  LayerSlots best = now;
  double least = value;
  int64_t num_slots = 0;
  for (const auto& of_rank : now) num_slots += std::ssize(of_rank);
  FindCritical(ranks_);
  int64_t failures = 0;
  Change change;
  // A draw that can't be made is cheap, but must not go on for ever.
  for (int64_t i = 0, draws = 0; i < task_.evaluations && draws < 20 * task_.evaluations; ++draws) {
    if (least <= task_.enough) break;
    if (failures > 20 * num_slots) {
      now = best;
      ranks_ = RanksOf(now, task_.num_experts);
      Shake(now);
      value = task_.value(ranks_);
      FindCritical(ranks_);
      failures = 0;
    }
    if (!DrawChange(now, change)) continue;
    ++i;
    const std::pair before = {At(now, change.a), At(now, change.b)};
    std::swap(At(now, change.a), At(now, change.b));
    if (!change.is_swap) At(now, change.a) = before.first;
    LayerRanks ranks = RanksOf(now, task_.num_experts);
    const double changed = task_.value(ranks);
    failures = changed < value ? 0 : failures + 1;
    if (changed > value) {
      std::tie(At(now, change.a), At(now, change.b)) = before;
      continue;
    }
    value = changed;
    ranks_ = std::move(ranks);
    FindCritical(ranks_);
    if (value >= least) continue;
    least = value;
    best = now;
  }
  return best;
}

}  // namespace octet
