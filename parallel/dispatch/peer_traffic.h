// The traffic that the tokens of a rank cause between it and each other rank.

#ifndef OCTET_PARALLEL_DISPATCH_PEER_TRAFFIC_H_
#define OCTET_PARALLEL_DISPATCH_PEER_TRAFFIC_H_

#include <cstdint>
#include <span>

#include "parallel/dispatch/send_plan.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// The traffic between a home and a peer. Rows to the peer are hidden states in the dtype that
// experts read; rows from it are float32. Ranks of one host read rows in place: where they were
// written.
struct PeerTraffic {
  int64_t rows_in_place = 0;     // to the peer
  int64_t rows_sent = 0;         // to the peer, for all ranks of its host
  int64_t returns_in_place = 0;  // rows from the peer
  int64_t returns_sent = 0;      // rows from the peer
  int64_t letter_bytes = 0;      // to the peer, in front of rows_sent

  bool operator==(const PeerTraffic&) const = default;
};

// Adds the traffic of one exchange of `home`. by_rank: [ranks].
void AddPeerTraffic(const SendPlan& plan, const HostTopology& topology, int home,
                    std::span<PeerTraffic> by_rank);

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_PEER_TRAFFIC_H_
