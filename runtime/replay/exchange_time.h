// The time of an exchange that nothing else delays.

#ifndef OCTET_RUNTIME_REPLAY_EXCHANGE_TIME_H_
#define OCTET_RUNTIME_REPLAY_EXCHANGE_TIME_H_

#include <cstdint>
#include <vector>

#include "parallel/dispatch/exchange_counts.h"
#include "parallel/transport/host_topology.h"
#include "runtime/replay/cluster_model.h"
#include "runtime/replay/replayed_traffic.h"

namespace octet {

// A group of consecutive ranks of the cluster over which experts are spread.
struct ReplayedGroup {
  int first_rank;
  HostTopology hosts;  // devices are hosts of their own
};

// Returns the latency of a message between its ranks: over the network, if there are several hosts.
double LatencyOfMessage(const ClusterModel& cluster, const ReplayedGroup& group);

// Returns the latency until rows are with the experts of other hosts or devices. Sizes go before
// them: to hosts in as many messages as the hosts' number has bits, to devices in one.
double LatencyToExperts(const ClusterModel& cluster, const ReplayedGroup& group);

// Returns the seconds in which the links carry the rows of one way, without latencies.
double CarrySeconds(const ClusterModel& cluster, const ReplayedModel& model,
                    const ExchangeCounts& counts, const ReplayedGroup& group, RowWay way);

// Returns the seconds of both ways of an exchange, whose traffic is given as well. Rows that are
// read in place are taken as messages, which is what bench exchange measures.
double ExchangeSeconds(const ClusterModel& cluster, const ReplayedModel& model,
                       const ExchangeCounts& counts, const ReplayedGroup& group,
                       const ReplayedTraffic& traffic);

// Returns the seconds in which a step goes to all ranks along a tree, whose levels take a message
// each, and its results come back.
double ControlSeconds(const ClusterModel& cluster);

// Sets the rounds in which the rows come to each host: it has room for so many at a time.
// max_tokens: of a rank in a step.
void CountRounds(const ExchangeCounts& counts, const HostTopology& hosts, int64_t max_tokens,
                 std::vector<int>& rounds);

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_EXCHANGE_TIME_H_
