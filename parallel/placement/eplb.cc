#include "parallel/placement/eplb.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Packs that hold equally many items, or one more. As many packs as necessary hold one more, from
// `first_larger` on.
struct Packs {
  int count;
  int items;
  int first_larger = 0;

  int Room(int pack) const {
    const int turn = (pack - first_larger % count + count) % count;
    return items / count + (turn < items % count ? 1 : 0);
  }
};

// Returns the items of each pack, in the order in which they came. Items come heaviest first, each
// to the lightest pack that has room.
std::vector<std::vector<int>> PackEvenly(std::span<const float> weights, const Packs& packs) {
  std::vector<std::vector<int>> packed(packs.count);
  std::vector<int> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  if (packs.items != packs.count) {
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return weights[a] > weights[b]; });
  }
  std::vector<float> loads(packs.count);
  for (size_t i = 0; i < order.size(); ++i) {
    int lightest = -1;
    for (int p = 0; p < packs.count; ++p) {
      if (std::ssize(packed[p]) == packs.Room(p)) continue;
      if (lightest < 0 || loads[p] < loads[lightest]) lightest = p;
    }
    if (packs.items == packs.count) lightest = static_cast<int>(i);  // one each, as given
    packed[lightest].push_back(order[i]);
    loads[lightest] += weights[order[i]];
  }
  return packed;
}

// Returns the item of each slot: each item once, then again the items with the most weight per
// slot.
std::vector<int> Replicate(std::span<const float> weights, int num_slots) {
  std::vector<int> slots(weights.size());
  std::iota(slots.begin(), slots.end(), 0);
  std::vector<float> replicas(weights.size(), 1);
  while (std::ssize(slots) < num_slots) {
    int heaviest = 0;
    for (int i = 1; i < std::ssize(weights); ++i) {
      if (weights[i] / replicas[i] > weights[heaviest] / replicas[heaviest]) heaviest = i;
    }
    slots.push_back(heaviest);
    ++replicas[heaviest];
  }
  return slots;
}

std::vector<float> SumGroups(std::span<const float> weights, int num_groups) {
  const size_t size = weights.size() / num_groups;
  std::vector<float> sums;
  for (size_t first = 0; first < weights.size(); first += size) {
    sums.push_back(std::accumulate(weights.begin() + first, weights.begin() + first + size, 0.0F));
  }
  return sums;
}

// Returns the experts of one node's slots, rank by rank.
std::vector<int> FillNode(std::span<const int> experts, std::span<const float> weights,
                          const Packs& ranks) {
  std::vector<float> of_node;
  of_node.reserve(experts.size());
  for (const int expert : experts) of_node.push_back(weights[expert]);
  const std::vector<int> slots = Replicate(of_node, ranks.items);
  std::vector<float> slot_weights;
  slot_weights.reserve(slots.size());
  for (const int item : slots) {
    const auto replicas = static_cast<float>(std::count(slots.begin(), slots.end(), item));
    slot_weights.push_back(of_node[item] / replicas);
  }
  std::vector<int> filled;
  for (const std::vector<int>& rank : PackEvenly(slot_weights, ranks)) {
    for (const int slot : rank) filled.push_back(experts[slots[slot]]);
  }
  return filled;
}

}  // namespace

int NumSlots(const EplbShape& shape, int rank, int first_larger) {
  return Packs{shape.num_ranks, shape.num_slots, first_larger}.Room(rank);
}

std::vector<int> EplbSlots(std::span<const int64_t> counts, const EplbShape& shape,
                           int first_larger) {
  const bool hierarchical = shape.num_groups % shape.num_nodes == 0;
  const int num_groups = hierarchical ? shape.num_groups : 1;
  const int num_nodes = hierarchical ? shape.num_nodes : 1;
  OCTET_CHECK(counts.size() % num_groups == 0 && shape.num_ranks % num_nodes == 0);
  OCTET_CHECK(shape.num_slots >= std::ssize(counts) && shape.num_slots % num_nodes == 0);
  const std::vector<float> weights(counts.begin(), counts.end());
  const auto group_size = static_cast<int>(std::ssize(counts)) / num_groups;
  std::vector<int> slots;
  for (const std::vector<int>& groups :
       PackEvenly(SumGroups(weights, num_groups), {num_nodes, num_groups})) {
    std::vector<int> experts;
    for (const int group : groups) {
      for (int i = 0; i < group_size; ++i) experts.push_back(group * group_size + i);
    }
    const std::vector<int> of_node = FillNode(
        experts, weights, {shape.num_ranks / num_nodes, shape.num_slots / num_nodes, first_larger});
    slots.insert(slots.end(), of_node.begin(), of_node.end());
  }
  return slots;
}

}  // namespace octet
