#include "parallel/planner/slot_filling.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/load_bound.h"
#include "parallel/planner/plan_proof.h"
#include "parallel/planner/swap_search.h"

namespace octet {
namespace {

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
      if (std::ssize(filled_[r]) == slots_[r] || HasExpert(filled_[r], expert)) continue;
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

// The slots of a layer while ranks are filled up to a time (FillWithin).
class TimedFilling {
 public:
  TimedFilling(double time, std::span<const int64_t> tokens, std::span<const int> slots,
               std::span<const double> speeds)
      : slots_(slots), filled_(slots.size()), ranks_(slots.size()) {
    for (const int of_rank : slots) replicas_ += of_rank;
    replicas_ -= static_cast<int>(tokens.size());
    for (int32_t e = 0; e < std::ssize(tokens); ++e) {
      items_.push_back({static_cast<double>(tokens[e]), e});
    }
    std::ranges::stable_sort(items_, LighterFirst);
    for (const double speed : speeds) room_.push_back(time * speed);
    std::iota(ranks_.begin(), ranks_.end(), 0);
    const auto faster = [&](int32_t a, int32_t b) {
      return speeds[a] != speeds[b] ? speeds[a] > speeds[b] : slots[a] < slots[b];
    };
    std::ranges::stable_sort(ranks_, faster);
    std::erase_if(ranks_, [&](int32_t r) { return slots[r] == 0; });
  }

  LayerSlots Run() {
    const std::vector<Item> all = items_;
    FillWithHeaviest();
    while (!items_.empty()) PlaceHeaviest();
    // Whatever slots are left may have any experts.
    for (const int32_t r : ranks_) {
      for (int64_t i = std::ssize(all) - 1; i >= 0 && std::ssize(filled_[r]) < slots_[r]; --i) {
        if (!HasExpert(filled_[r], all[i].expert)) filled_[r].push_back(all[i].expert);
      }
    }
    return std::move(filled_);
  }

 private:
  struct Item {
    double tokens;
    int32_t expert;
  };
  static bool LighterFirst(const Item& a, const Item& b) { return a.tokens < b.tokens; }

  void Put(int32_t rank, const Item& item) {
    filled_[rank].push_back(item.expert);
    room_[rank] -= item.tokens;
  }

  // Gives whole ranks to experts that need more than one, with the lightest experts beside them.
  void FillWithHeaviest() {
    for (const int32_t rank : ranks_) {
      const int64_t others = slots_[rank] - 1;
      if (replicas_ == 0 || others >= std::ssize(items_)) return;
      double part = room_[rank];
      for (int64_t i = 0; i < others; ++i) part -= items_[i].tokens;
      const Item heaviest = items_.back();
      if (part <= 0 || heaviest.tokens <= part) return;
      --replicas_;
      Put(rank, {part, heaviest.expert});
      for (int64_t i = 0; i < others; ++i) Put(rank, items_[i]);
      items_.pop_back();
      items_.erase(items_.begin(), items_.begin() + others);
      Insert({heaviest.tokens - part, heaviest.expert});
    }
  }

  // Gives the heaviest item to the rank with the most room, and what has no room there to another
  // rank, as long as there are replicas.
  void PlaceHeaviest() {
    const Item item = items_.back();
    items_.pop_back();
    int32_t best = -1;
    for (const int32_t r : ranks_) {
      if (std::ssize(filled_[r]) == slots_[r] || HasExpert(filled_[r], item.expert)) continue;
      if (best < 0 || room_[r] > room_[best]) best = r;
    }
    if (best < 0) return;  // an expert that all ranks with slots have
    const double room = std::max(0.0, room_[best]);
    if (item.tokens <= room || room == 0 || replicas_ == 0) return Put(best, item);
    --replicas_;
    Put(best, {room, item.expert});
    Insert({item.tokens - room, item.expert});
  }

  void Insert(const Item& item) {
    items_.insert(std::ranges::upper_bound(items_, item, LighterFirst), item);
  }

  std::span<const int> slots_;
  int replicas_ = 0;          // left
  std::vector<Item> items_;   // without a slot, the heaviest last
  std::vector<double> room_;  // [ranks] tokens until the time is over
  LayerSlots filled_;
  std::vector<int32_t> ranks_;  // with slots: the fastest first, of these those with few slots
};

}  // namespace

LayerSlots FillWithin(double time, std::span<const int64_t> tokens, std::span<const int> slots,
                      std::span<const double> speeds) {
  return TimedFilling(time, tokens, slots, speeds).Run();
}

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

LayerSlots FillWell(const LayerCounts& counts, std::span<const int> slots,
                    std::span<const double> speeds) {
  constexpr int kTimes = 16;  // from the bound to that of the greedy filling
  const StepMatrix total = StepMatrix::OfTotal(counts);
  BusiestRank busiest(speeds);
  const auto time_of = [&](const LayerSlots& filled) {
    return busiest.Mean(RanksOf(filled, counts.num_experts()), total);
  };
  LayerSlots best = FillGreedily(counts.total, slots, speeds);
  double least = time_of(best);
  const double bound = LoadBound(counts.num_experts(), slots, speeds).Mean(total);
  const double step = (least - bound) / kTimes;
  const auto consider = [&](LayerSlots filled) {
    filled = SwapBusiest(std::move(filled), counts.total, speeds);
    const double time = time_of(filled);
    if (time >= least) return;
    least = time;
    best = std::move(filled);
  };
  consider(best);
  for (int i = 0; i <= kTimes && least > bound * (1 + kClose); ++i) {
    consider(FillWithin(bound + i * step, counts.total, slots, speeds));
  }
  return best;
}

}  // namespace octet
