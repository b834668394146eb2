// What ranks of a replayed job send to each other.

#ifndef OCTET_RUNTIME_REPLAY_REPLAYED_TRAFFIC_H_
#define OCTET_RUNTIME_REPLAY_REPLAYED_TRAFFIC_H_

#include <cstdint>

#include "parallel/dispatch/exchange_counts.h"
#include "runtime/replay/cluster_model.h"

namespace octet {

// What all ranks sent to each other in messages, and let each other read in place.
struct ReplayedTraffic {
  int64_t control_bytes = 0, control_messages = 0;  // sizes of messages to other hosts
  int64_t routing_bytes = 0, routing_messages = 0;  // letters
  int64_t dispatch_bytes = 0, dispatch_messages = 0, dispatch_in_place = 0;
  int64_t combine_bytes = 0, combine_messages = 0, combine_in_place = 0;

  bool operator==(const ReplayedTraffic&) const = default;

  void Add(const ReplayedTraffic& other);

  // Adds an exchange of `num_homes` homes.
  void AddExchange(const ReplayedModel& model, const ExchangeCounts& counts, int num_homes);
};

// The two ways of rows.
enum class RowWay { kToExperts, kBack };

// The bytes that the busiest link carries, of those between ranks of one host and of the others.
struct LinkBytes {
  double same_host = 0;
  double network = 0;
};

// Returns what the messages of rows, with the letters in front of them, load on the links of hosts,
// or of devices: the larger of what goes out and what comes in. first_rank: of the group.
LinkBytes BytesOfBusiestLinks(const ClusterModel& cluster, const ReplayedModel& model,
                              const ExchangeCounts& counts, int first_rank,
                              const HostTopology& hosts, RowWay way);

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_REPLAYED_TRAFFIC_H_
