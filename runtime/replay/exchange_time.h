// The time of an exchange that nothing else delays.

#ifndef OCTET_RUNTIME_REPLAY_EXCHANGE_TIME_H_
#define OCTET_RUNTIME_REPLAY_EXCHANGE_TIME_H_

#include "parallel/dispatch/exchange_counts.h"
#include "parallel/transport/host_topology.h"
#include "runtime/replay/cluster_model.h"
#include "runtime/replay/replayed_traffic.h"

namespace octet {

// Returns how many messages follow each other until rows are with the experts of other hosts: sizes
// go before them, in as many messages as the hosts' number has bits.
int LatenciesToExperts(const HostTopology& hosts);

// Returns the seconds of both ways of an exchange, whose traffic is given as well. Rows that are
// read in place are taken as messages, which is what bench exchange measures.
double ExchangeSeconds(const ClusterModel& cluster, const ReplayedModel& model,
                       const ExchangeCounts& counts, const HostTopology& hosts,
                       const ReplayedTraffic& traffic);

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_EXCHANGE_TIME_H_
