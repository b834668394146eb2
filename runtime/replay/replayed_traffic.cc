#include "runtime/replay/replayed_traffic.h"

#include <algorithm>

namespace octet {

void ReplayedTraffic::Add(const ReplayedTraffic& other) {
  for (const auto field :
       {&ReplayedTraffic::control_bytes, &ReplayedTraffic::control_messages,
        &ReplayedTraffic::routing_bytes, &ReplayedTraffic::routing_messages,
        &ReplayedTraffic::dispatch_bytes, &ReplayedTraffic::dispatch_messages,
        &ReplayedTraffic::dispatch_in_place, &ReplayedTraffic::combine_bytes,
        &ReplayedTraffic::combine_messages, &ReplayedTraffic::combine_in_place}) {
    this->*field += other.*field;
  }
}

void ReplayedTraffic::AddExchange(const ReplayedModel& model, const ExchangeCounts& counts,
                                  int num_homes) {
  control_messages += counts.announcements();
  control_bytes += counts.announced_bytes();
  routing_messages += counts.letter_messages();
  dispatch_messages += counts.row_messages();
  combine_messages += counts.return_messages();
  for (int home = 0; home < num_homes; ++home) {
    for (const ExchangeCounts::Peer& peer : counts.peers(home)) {
      const PeerTraffic& t = peer.traffic;
      routing_bytes += t.letter_bytes;
      dispatch_bytes += t.rows_sent * model.dispatch_row_bytes;
      dispatch_in_place += t.rows_in_place * model.dispatch_row_bytes;
      combine_bytes += t.returns_sent * model.return_row_bytes;
      combine_in_place += t.returns_in_place * model.return_row_bytes;
    }
  }
}

LinkBytes BytesOfBusiestLinks(const ClusterModel& cluster, const ReplayedModel& model,
                              const ExchangeCounts& counts, int first_rank,
                              const HostTopology& hosts, RowWay way) {
  struct Direction {
    LinkBytes out, in;
  };
  std::vector<Direction> links(hosts.num_hosts());
  for (int home = 0; home < hosts.num_ranks(); ++home) {
    for (const ExchangeCounts::Peer& peer : counts.peers(home)) {
      const PeerTraffic& t = peer.traffic;
      const bool is_back = way == RowWay::kBack;
      const int64_t bytes = is_back ? t.returns_sent * model.return_row_bytes
                                    : t.rows_sent * model.dispatch_row_bytes + t.letter_bytes;
      const auto kind = cluster.IsSameHost(first_rank + home, first_rank + peer.rank)
                            ? &LinkBytes::same_host
                            : &LinkBytes::network;
      const int from = is_back ? peer.rank : home;
      const int to = is_back ? home : peer.rank;
      links[hosts.host_of(from)].out.*kind += static_cast<double>(bytes);
      links[hosts.host_of(to)].in.*kind += static_cast<double>(bytes);
    }
  }
  LinkBytes most;
  for (const Direction& link : links) {
    most.same_host = std::max({most.same_host, link.out.same_host, link.in.same_host});
    most.network = std::max({most.network, link.out.network, link.in.network});
  }
  return most;
}

}  // namespace octet
