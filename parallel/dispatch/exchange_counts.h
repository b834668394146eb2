// What a layer's exchange moves between all ranks of a group, and what their experts compute.

#ifndef OCTET_PARALLEL_DISPATCH_EXCHANGE_COUNTS_H_
#define OCTET_PARALLEL_DISPATCH_EXCHANGE_COUNTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/peer_traffic.h"
#include "parallel/dispatch/replica_choice.h"

namespace octet {

// The counts of an exchange, made from the routing alone, for a caller that knows that of all
// ranks. They are those of HostDispatcher where ranks of one host share memory, but take time in
// proportion to the tokens: no plan is made. Keeps its memory from one exchange to the next.
class ExchangeCounts {
 public:
  // The arguments must outlive this object.
  ExchangeCounts(const ExpertPlacement& placement, const HostTopology& hosts, ReplicaPolicy policy);

  // Counts one exchange. routing: [homes]; gate weights are not used.
  void Count(int layer, std::span<const Routing> routing);

  // The traffic between a home and a peer, as AddPeerTraffic has it.
  struct Peer {
    int rank;
    PeerTraffic traffic;
  };
  std::span<const Peer> peers(int home) const { return peers_[home]; }

  // The ranks that serve the home's tokens, itself perhaps among them.
  std::span<const int32_t> owners(int home) const { return owners_[home]; }

  // The (token, slot) pairs of each of a rank's experts that has any.
  std::span<const int64_t> expert_rows(int rank) const { return expert_rows_[rank]; }

  // The messages of all ranks together.
  int64_t row_messages() const { return row_messages_; }        // of rows to experts
  int64_t letter_messages() const { return row_messages_; }     // one in front of each
  int64_t return_messages() const { return return_messages_; }  // of rows from experts
  int64_t announcements() const { return announcements_; }      // of sizes
  int64_t announced_bytes() const { return announced_bytes_; }

 private:
  void CountHome(int home, int topk, std::span<const int32_t> owner_of);
  void AddOwner(int home, int topk, int owner, int slots);
  void Announce(int from_host, int to_host);
  PeerTraffic& PeerOf(int home, int rank);
  void CountExperts(const Routing& routing, std::span<const int32_t> owner_of);

  const HostTopology& hosts_;
  GroupReplicaChoice choice_;
  const int num_experts_;
  std::vector<std::vector<Peer>> peers_;           // [homes]
  std::vector<std::vector<int32_t>> owners_;       // [homes]
  std::vector<std::vector<int64_t>> expert_rows_;  // [ranks]
  std::vector<int64_t> rows_;                      // [ranks, experts], zeros between calls
  std::vector<int64_t> touched_;                   // indices of rows_
  std::vector<int64_t> place_of_peer_;             // [ranks] in peers_[home], if the stamp is right
  std::vector<int64_t> peer_stamp_, owner_stamp_, host_stamp_, token_stamp_;
  int64_t stamp_ = 0;
  int64_t row_messages_ = 0;
  int64_t return_messages_ = 0;
  int64_t announcements_ = 0;
  int64_t announced_bytes_ = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_EXCHANGE_COUNTS_H_
