// A search for the experts of each rank's slots in one layer.

#ifndef OCTET_PARALLEL_PLANNER_LAYER_SEARCH_H_
#define OCTET_PARALLEL_PLANNER_LAYER_SEARCH_H_

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include "parallel/planner/slot_plan.h"

namespace octet {

// A local search. Two slots exchange their experts, or an expert takes the slot of another one's
// replica. A change stays unless the value gets worse; after many that got worse the search goes
// back to the best so far and makes some at random. The same seed gives the same result.
class LayerSearch {
 public:
  struct Task {
    int num_experts = 0;
    std::function<double(const LayerRanks&)> value;  // the less, the better
    // Returns the ranks that changes should concern, in most cases: [ranks] not 0.
    std::function<std::span<const uint8_t>(const LayerRanks&)> critical;
    int64_t evaluations = 0;  // the most
    double enough = 0;        // the search ends at this value
  };

  LayerSearch(Task task, uint64_t seed) : task_(std::move(task)), random_(seed) {}

  LayerSlots Improve(LayerSlots start);

 private:
  struct Slot {
    int32_t rank;
    int32_t index;
  };
  struct Change {
    Slot a, b;
    bool is_swap;
  };

  int32_t& At(LayerSlots& slots, Slot slot) const { return slots[slot.rank][slot.index]; }
  size_t Draw(size_t n) { return random_() % n; }
  bool DrawChange(const LayerSlots& slots, Change& change);
  Slot DrawSlot(const LayerSlots& slots, bool critical);
  void FindCritical(const LayerRanks& ranks);
  void Shake(LayerSlots& slots);

  Task task_;
  std::mt19937_64 random_;
  LayerRanks ranks_;  // of the slots now
  std::vector<int32_t> critical_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_LAYER_SEARCH_H_
