#include "parallel/planner/layer_search.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"

namespace octet {

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
  if (HasExpert(slots[change.b.rank], expert)) return false;
  change.is_swap = ranks_[other].size() == 1 || Draw(2) == 0;
  return !change.is_swap || !HasExpert(slots[change.a.rank], other);
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
