#include "parallel/dispatch/peer_traffic.h"

namespace octet {

void AddPeerTraffic(const SendPlan& plan, const HostTopology& topology, int home,
                    std::span<PeerTraffic> by_rank) {
  const Letter letter = plan.LetterTo(plan.own_host);
  for (const OwnerPairs& owner : letter.owners) {
    if (owner.rank == home) continue;
    by_rank[owner.rank].rows_in_place += CountTokens(letter.PairsOf(owner));
    by_rank[owner.rank].returns_in_place += owner.num_returns;
  }
  for (const SendPlan::Host& host : plan.hosts) {
    PeerTraffic& receiver = by_rank[topology.ReceiverOf(home, host.host)];
    receiver.rows_sent += host.num_tokens;
    receiver.letter_bytes += static_cast<int64_t>(plan.ParcelTo(host, home).letter_bytes());
    for (const OwnerPairs& owner : plan.LetterTo(host).owners) {
      by_rank[owner.rank].returns_sent += owner.num_returns;
    }
  }
}

}  // namespace octet
