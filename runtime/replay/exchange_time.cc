#include "runtime/replay/exchange_time.h"

#include <algorithm>
#include <bit>

namespace octet {

int LatenciesToExperts(const HostTopology& hosts) {
  return 1 + std::bit_width(static_cast<unsigned>(hosts.num_hosts()) - 1);
}

double ExchangeSeconds(const ClusterModel& cluster, const ReplayedModel& model,
                       const ExchangeCounts& counts, const HostTopology& hosts,
                       const ReplayedTraffic& traffic) {
  const int ranks = hosts.num_ranks();
  if (ranks == 1) return 0;
  const auto in_place = [&](int64_t bytes) {
    if (hosts.num_hosts() == ranks) return 0.0;
    const LinkModel& link = cluster.same_host();
    return link.latency + link.carry(static_cast<double>(bytes) / ranks);
  };
  const auto between_hosts = [&](RowWay way, int latencies) {
    if (hosts.num_hosts() == 1) return 0.0;
    const LinkModel& link = cluster.network();
    return latencies * link.latency + link.carry(BytesOfBusiestHost(model, counts, hosts, way));
  };
  return std::max(in_place(traffic.dispatch_in_place),
                  between_hosts(RowWay::kToExperts, LatenciesToExperts(hosts))) +
         std::max(in_place(traffic.combine_in_place), between_hosts(RowWay::kBack, 1));
}

}  // namespace octet
