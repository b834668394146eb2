// The spread of an alarm to all ranks.

#ifndef OCTET_PARALLEL_WATCH_ALARM_SPREAD_H_
#define OCTET_PARALLEL_WATCH_ALARM_SPREAD_H_

#include <algorithm>
#include <vector>

#include "parallel/watch/peer_states.h"

namespace octet {

// The spread of an alarm along the tree. A rank tells each neighbour, and tells it again when all
// ranks on this rank's side of the tree have said why the job ends. The alarm may begin on any
// rank, or on several: in the end each rank knows that all others have spoken. No rank waits for a
// silent leaf. Ranks beyond a silent rank speak by themselves, and nobody hears when: the spread is
// then never complete.
class AlarmSpread {
 public:
  using Clock = PeerStates::Clock;

  // Neighbours without a sign for `limit` are silent.
  AlarmSpread(const PeerStates& peers, HeartbeatChannel& channel, const Heartbeat& alarm,
              Clock::time_point now, Clock::duration limit)
      : peers_(peers), channel_(channel), alarm_(alarm) {
    for (const TreeNeighbour& n : peers.neighbours()) {
      const bool silent = peers.IsSilent(n.rank, now, limit);
      neighbours_.push_back({.rank = n.rank, .silent = silent, .leaf = n.ranks_beyond == 0});
    }
  }

  // Tells the neighbours what they do not know yet. Returns true when all ranks have spoken, and
  // the neighbours know it.
  bool Poll() {
    for (Neighbour& n : neighbours_) Tell(n);
    return std::ranges::all_of(neighbours_, [this](const Neighbour& n) {
      return HasSpoken(n) && (n.silent || n.told == Heartbeat::kAllSaid);
    });
  }

 private:
  struct Neighbour {
    int rank;
    bool silent;
    bool leaf;
    Heartbeat::Kind told = Heartbeat::kAlive;
  };

  // Returns whether the neighbour and all ranks beyond it have spoken.
  bool HasSpoken(const Neighbour& n) const {
    return peers_.last(n.rank).kind == Heartbeat::kAllSaid || (n.silent && n.leaf);
  }

  void Tell(Neighbour& to) {
    const bool others_have_spoken = std::ranges::all_of(
        neighbours_, [&](const Neighbour& n) { return n.rank == to.rank || HasSpoken(n); });
    alarm_.kind = others_have_spoken ? Heartbeat::kAllSaid : Heartbeat::kAlarm;
    if (to.told != alarm_.kind && channel_.Send(to.rank, alarm_)) to.told = alarm_.kind;
  }

  const PeerStates& peers_;
  HeartbeatChannel& channel_;
  Heartbeat alarm_;
  std::vector<Neighbour> neighbours_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_ALARM_SPREAD_H_
