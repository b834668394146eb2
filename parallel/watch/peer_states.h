// The states of the other ranks, as far as one rank knows them.

#ifndef OCTET_PARALLEL_WATCH_PEER_STATES_H_
#define OCTET_PARALLEL_WATCH_PEER_STATES_H_

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/activity.h"
#include "parallel/watch/heartbeat.h"
#include "parallel/watch/tree_neighbour.h"

namespace octet {

// The last heartbeat of each neighbour, and the time of its last sign. Each of these is a sign: its
// progress counter moved, bytes went to it or came from it, or it said that it waits itself. About
// ranks that are no neighbours, this object knows only the bytes, and whether anything moves there.
class PeerStates {
 public:
  using Clock = std::chrono::steady_clock;

  PeerStates(int rank, std::span<const std::string> hosts, std::vector<TreeNeighbour> neighbours);

  int size() const { return static_cast<int>(hosts_.size()); }
  int rank() const { return rank_; }  // this rank
  std::span<const TreeNeighbour> neighbours() const { return neighbours_; }

  // Takes a heartbeat from a neighbour.
  void Hear(int from, const Heartbeat& beat, Clock::time_point now);

  // Notes that bytes went to `rank` or came from it.
  void NoteMove(int rank, Clock::time_point now);

  // Leaves out a time in which this rank heard nothing: it says nothing about the others.
  void SkipTime(Clock::duration time);

  // Counts `now` as a sign of all ranks: from now on, other limits apply to them.
  void CountFrom(Clock::time_point now);

  // The news from all neighbours except `neighbour`, or from all if it is kNobody. `progress`
  // changes when bytes move on this rank, or anything moves on these neighbours or beyond them. A
  // neighbour without a sign for `recent` does not count as waiting.
  struct News {
    uint64_t progress;
    bool all_wait;
  };
  News NewsWithout(int neighbour, Clock::time_point now, Clock::duration recent) const;

  // The last heartbeat of a neighbour. It has no phase if the neighbour was never heard.
  const Heartbeat& last(int neighbour) const { return last_[index_[neighbour]]; }
  bool is_waiting(int neighbour) const { return last(neighbour).waits_for != Heartbeat::kNobody; }
  bool is_gone(int neighbour) const { return last(neighbour).kind == Heartbeat::kBye; }
  bool IsSilent(int neighbour, Clock::time_point now, Clock::duration limit) const {
    return !is_gone(neighbour) && now - signs_[neighbour] > limit;
  }

  // Returns the lowest neighbour that waits, or kNobody.
  int FirstThatWaits() const;

  Clock::time_point sign(int rank) const { return signs_[rank]; }

  // The last time when anything moved on another rank, as far as this rank has heard.
  Clock::time_point last_move() const { return last_move_; }

  struct Limits {
    Clock::duration silent;
    Clock::duration almost_silent;
    Clock::duration more_elsewhere;  // for ranks on other hosts
  };

  // Returns the neighbours without a sign for `limits.silent`, and, with each of them, the
  // neighbours on its host without a sign for `limits.almost_silent`: a host fails as a whole, and
  // its ranks did not give their last signs at the same instant. Ascending.
  std::vector<int> Silent(Clock::time_point now, const Limits& limits) const;

  std::string RankOnHost(int rank) const;

  // places[r] is where rank r writes its place, for the ranks of this host. Null if it writes none.
  void SetPlaces(std::vector<const SharedPlace*> places) { places_ = std::move(places); }

  // Returns "experts of layer 3", as a neighbour said last.
  std::string LastPlace(int neighbour) const;

  // Returns ", last seen in experts of layer 3", or an empty text if this rank can't know.
  std::string LastSeen(int rank) const;

  // Returns ", and nothing is heard of the other 3 ranks of its host" if these are heard only
  // through this silent rank.
  std::string RestOfHost(int rank) const;

 private:
  static constexpr int kNotANeighbour = -1;

  bool IsNeighbour(int rank) const { return index_[rank] != kNotANeighbour; }
  bool IsElsewhere(int rank) const { return hosts_[rank] != hosts_[rank_]; }

  const int rank_;
  const std::vector<std::string> hosts_;
  const std::vector<TreeNeighbour> neighbours_;
  std::vector<int> index_;                  // [ranks] in neighbours_
  std::vector<Heartbeat> last_;             // [neighbours]
  std::vector<Clock::time_point> signs_;    // [ranks]
  std::vector<const SharedPlace*> places_;  // [ranks]
  Clock::time_point last_move_;
  uint64_t num_moves_ = 0;  // calls of NoteMove
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_PEER_STATES_H_
