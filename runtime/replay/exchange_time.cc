#include "runtime/replay/exchange_time.h"

#include <algorithm>
#include <bit>

#include "parallel/dispatch/dispatch_limits.h"
#include "parallel/transport/rank_tree.h"

namespace octet {
double LatencyOfMessage(const ClusterModel& cluster, const ReplayedGroup& group) {
  return cluster.LinkOf(group.first_rank, group.first_rank + group.hosts.num_ranks() - 1).latency;
}

double LatencyToExperts(const ClusterModel& cluster, const ReplayedGroup& group) {
  const auto hosts = static_cast<unsigned>(group.hosts.num_hosts());
  const int messages = cluster.ranks_are_devices() ? 2 : 1 + std::bit_width(hosts - 1);
  return messages * LatencyOfMessage(cluster, group);
}

double CarrySeconds(const ClusterModel& cluster, const ReplayedModel& model,
                    const ExchangeCounts& counts, const ReplayedGroup& group, RowWay way) {
  const LinkBytes bytes =
      BytesOfBusiestLinks(cluster, model, counts, group.first_rank, group.hosts, way);
  return std::max(bytes.same_host > 0 ? cluster.same_host().carry(bytes.same_host) : 0,
                  bytes.network > 0 ? cluster.network().carry(bytes.network) : 0);
}

double ExchangeSeconds(const ClusterModel& cluster, const ReplayedModel& model,
                       const ExchangeCounts& counts, const ReplayedGroup& group,
                       const ReplayedTraffic& traffic) {
  const int ranks = group.hosts.num_ranks();
  if (ranks == 1) return 0;
  const auto in_place = [&](int64_t bytes) {
    if (group.hosts.num_hosts() == ranks) return 0.0;
    const LinkModel& link = cluster.same_host();
    return link.latency + link.carry(static_cast<double>(bytes) / ranks);
  };
  const auto in_messages = [&](RowWay way, double latency) {
    if (group.hosts.num_hosts() == 1) return 0.0;
    return latency + CarrySeconds(cluster, model, counts, group, way);
  };
  return std::max(in_place(traffic.dispatch_in_place),
                  in_messages(RowWay::kToExperts, LatencyToExperts(cluster, group))) +
         std::max(in_place(traffic.combine_in_place),
                  in_messages(RowWay::kBack, LatencyOfMessage(cluster, group)));
}

double ControlSeconds(const ClusterModel& cluster) {
  const bool shares = cluster.num_hosts() < cluster.num_ranks();
  double seconds = shares ? 2 * cluster.same_host().latency : 0;
  for (int hosts = 1; hosts < cluster.num_hosts(); hosts *= RankTree::kFanOut) {
    seconds += 2 * cluster.network().latency;
  }
  return seconds;
}

void CountRounds(const ExchangeCounts& counts, const HostTopology& hosts, int64_t max_tokens,
                 std::vector<int>& rounds) {
  struct Room {
    int round = 1;
    int64_t tokens = 0;
  };
  std::vector<Room> rooms(hosts.num_ranks());
  for (int home = 0; home < hosts.num_ranks(); ++home) {
    for (const ExchangeCounts::Peer& peer : counts.peers(home)) {
      const int64_t tokens = peer.traffic.rows_sent;
      if (tokens == 0) continue;
      const auto on_host = std::ssize(hosts.ranks_of(hosts.host_of(peer.rank)));
      const DispatchLimits limits = {.max_tokens = max_tokens};
      Room& room = rooms[peer.rank];
      if (room.tokens + tokens > limits.tokens_at_a_time(hosts.num_ranks() - on_host)) {
        room = {.round = room.round + 1};
      }
      room.tokens += tokens;
    }
  }
  rounds.assign(hosts.num_hosts(), 1);
  for (int r = 0; r < hosts.num_ranks(); ++r) {
    int& most = rounds[hosts.host_of(r)];
    most = std::max(most, rooms[r].round);
  }
}

}  // namespace octet
