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

double BytesOfBusiestHost(const ReplayedModel& model, const ExchangeCounts& counts,
                          const HostTopology& hosts, RowWay way) {
  std::vector<int64_t> out(hosts.num_hosts()), in(hosts.num_hosts());
  for (int home = 0; home < hosts.num_ranks(); ++home) {
    int64_t& at_home = (way == RowWay::kBack ? in : out)[hosts.host_of(home)];
    for (const ExchangeCounts::Peer& peer : counts.peers(home)) {
      const PeerTraffic& t = peer.traffic;
      const int64_t bytes = way == RowWay::kBack
                                ? t.returns_sent * model.return_row_bytes
                                : t.rows_sent * model.dispatch_row_bytes + t.letter_bytes;
      (way == RowWay::kBack ? out : in)[hosts.host_of(peer.rank)] += bytes;
      at_home += bytes;
    }
  }
  return static_cast<double>(
      std::max(*std::ranges::max_element(out), *std::ranges::max_element(in)));
}

}  // namespace octet
