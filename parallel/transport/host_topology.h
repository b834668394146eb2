// The hosts of the ranks of a group.

#ifndef OCTET_PARALLEL_TRANSPORT_HOST_TOPOLOGY_H_
#define OCTET_PARALLEL_TRANSPORT_HOST_TOPOLOGY_H_

#include <span>
#include <string>
#include <vector>

namespace octet {

// A map between ranks and hosts. Hosts are numbered in the order of their first ranks. Ranks of one
// host can see each other's memory.
class HostTopology {
 public:
  // names[r] is the same for ranks of one host, and differs between hosts.
  explicit HostTopology(std::span<const std::string> names);

  int num_ranks() const { return static_cast<int>(host_of_.size()); }
  int num_hosts() const { return static_cast<int>(ranks_of_.size()); }
  int host_of(int rank) const { return host_of_[rank]; }
  int index_on_host(int rank) const { return index_[rank]; }
  std::span<const int> ranks_of(int host) const { return ranks_of_[host]; }  // ascending

  // The order of the ranks by host, and by rank on each host.
  int place_of(int rank) const { return place_[rank]; }
  int rank_at(int place) const { return by_host_[place]; }

  // Returns the rank of `host` that receives what `rank`, on another host, sends there.
  int ReceiverOf(int rank, int host) const {
    const std::span<const int> ranks = ranks_of(host);
    return ranks[index_[rank] % ranks.size()];
  }

 private:
  std::vector<int> host_of_;                // [ranks]
  std::vector<int> index_;                  // [ranks] among those of its host
  std::vector<std::vector<int>> ranks_of_;  // [hosts]
  std::vector<int> by_host_;                // [ranks]
  std::vector<int> place_;                  // [ranks] in by_host_
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_HOST_TOPOLOGY_H_
