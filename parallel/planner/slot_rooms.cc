#include "parallel/planner/slot_rooms.h"

#include <algorithm>
#include <numeric>

#include "parallel/placement/eplb.h"

namespace octet {

SlotRooms SpreadSlots(PlacementShape shape, std::span<const int> replicas) {
  SlotRooms rooms;
  int first_larger = 0;
  for (int l = 0; l < shape.num_layers; ++l) {
    const EplbShape eplb = {.num_slots = shape.num_experts + replicas[l],
                            .num_ranks = shape.num_ranks};
    std::vector<int>& of_layer = rooms.emplace_back();
    for (int r = 0; r < shape.num_ranks; ++r) of_layer.push_back(NumSlots(eplb, r, first_larger));
    first_larger = (first_larger + eplb.num_slots) % shape.num_ranks;
  }
  return rooms;
}

SlotRooms SlotsOfRooms(PlacementShape shape, std::span<const int64_t> rooms) {
  const auto num_layers = static_cast<int64_t>(shape.num_layers);
  std::vector<int64_t> room;  // that can be used
  for (const int64_t given : rooms) {
    room.push_back(std::clamp<int64_t>(given, 0, num_layers * shape.num_experts));
  }
  const int64_t sum = std::accumulate(room.begin(), room.end(), int64_t{0});
  std::vector<int64_t> used(room.size());
  SlotRooms result;
  for (int64_t l = 0; l < num_layers; ++l) {
    std::vector<int>& of_layer = result.emplace_back(room.size());
    int64_t left = sum * (l + 1) / num_layers - sum * l / num_layers;
    for (; left > 0; --left) {
      // The rank that is the furthest behind its share so far.
      int64_t best = -1;
      const auto behind = [&](int64_t r) { return room[r] * (l + 1) - used[r] * num_layers; };
      for (int64_t r = 0; r < std::ssize(room); ++r) {
        if (of_layer[r] == shape.num_experts || used[r] == room[r]) continue;
        if (best < 0 || behind(r) > behind(best)) best = r;
      }
      if (best < 0) break;
      ++of_layer[best];
      ++used[best];
    }
  }
  return result;
}

}  // namespace octet
