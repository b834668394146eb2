#include "parallel/transport/host_topology.h"

#include <map>

namespace octet {

HostTopology::HostTopology(std::span<const std::string> names) {
  std::map<std::string, int> hosts;
  for (int r = 0; r < std::ssize(names); ++r) {
    const int host = hosts.emplace(names[r], num_hosts()).first->second;
    if (host == num_hosts()) ranks_of_.emplace_back();
    host_of_.push_back(host);
    index_.push_back(static_cast<int>(ranks_of_[host].size()));
    ranks_of_[host].push_back(r);
  }
  place_.resize(names.size());
  for (const std::vector<int>& ranks : ranks_of_) {
    for (const int r : ranks) {
      place_[r] = static_cast<int>(by_host_.size());
      by_host_.push_back(r);
    }
  }
}

}  // namespace octet
