// The neighbours that must come before all ranks end together.

#ifndef OCTET_PARALLEL_WATCH_CLOSING_PEERS_H_
#define OCTET_PARALLEL_WATCH_CLOSING_PEERS_H_

#include <algorithm>

#include "parallel/watch/peer_states.h"
#include "parallel/watch/pending_peers.h"

namespace octet {

// A barrier along the tree: goodbyes go up when all ranks below have come, and down when all ranks
// have come. This rank waits for the goodbyes of its children, then for that of its parent.
class ClosingPeers : public PendingPeers {
 public:
  explicit ClosingPeers(const PeerStates& peers) : peers_(peers) {}

  bool all_have_come() const {
    return std::ranges::all_of(peers_.neighbours(), [this](auto& n) { return HasCome(n); });
  }

  // Returns true when it is time to say goodbye to this neighbour.
  bool IsTimeFor(const TreeNeighbour& to) const {
    return std::ranges::all_of(peers_.neighbours(), [&](const TreeNeighbour& n) {
      return HasCome(n) || (to.is_parent && n.is_parent);
    });
  }

  void Visit(Visitor visit) const override {
    for (const TreeNeighbour& n : peers_.neighbours()) {
      const bool late = !HasCome(n) && (!n.is_parent || IsTimeFor(n));
      visit({.rank = n.rank, .late = late, .moved = HasCome(n)});
    }
  }

 private:
  bool HasCome(const TreeNeighbour& n) const { return peers_.is_gone(n.rank); }

  const PeerStates& peers_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_CLOSING_PEERS_H_
