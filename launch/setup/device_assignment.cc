#include "launch/setup/device_assignment.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace octet {

std::vector<int> AssignDevices(std::span<const std::vector<int>> rank_nodes,
                               std::span<const int> device_nodes) {
  std::vector<int> num_ranks(device_nodes.size());
  std::vector<int> devices;
  devices.reserve(rank_nodes.size());
  for (const std::vector<int>& nodes : rank_nodes) {
    const auto cost = [&](int device) {
      const bool is_near = std::ranges::find(nodes, device_nodes[device]) != nodes.end();
      return std::pair(num_ranks[device], is_near ? 0 : 1);
    };
    int best = 0;
    for (int d = 1; d < std::ssize(device_nodes); ++d) {
      if (cost(d) < cost(best)) best = d;
    }
    ++num_ranks[best];
    devices.push_back(best);
  }
  return devices;
}

}  // namespace octet
