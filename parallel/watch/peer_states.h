// What a rank knows of how the others are.

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

// The last heartbeat of each neighbour and when it gave its last sign: its progress counter moved,
// bytes went to it or came from it, or it said that it waits itself. Of other ranks it knows only
// the bytes, and whether anything moves there.
class PeerStates {
 public:
  using Clock = std::chrono::steady_clock;

  PeerStates(int rank, std::span<const std::string> hosts, std::vector<TreeNeighbour> neighbours);

  int size() const { return static_cast<int>(hosts_.size()); }
  int rank() const { return rank_; }  // this one
  std::span<const TreeNeighbour> neighbours() const { return neighbours_; }

  // From a neighbour.
  void Hear(int from, const Heartbeat& beat, Clock::time_point now);

  // Bytes went to this rank or came from it.
  void NoteMove(int rank, Clock::time_point now);

  // A time in which this rank heard nothing says nothing about others.
  void SkipTime(Clock::duration time);

  // Takes this for a sign of all: from now on they are judged by other limits.
  void CountFrom(Clock::time_point now);

  // What is heard from the neighbours, one aside; kNobody: all. `progress` changes when bytes move
  // here, or anything where they lead. A neighbour without a sign for `recent` is not said to wait.
  struct News {
    uint64_t progress;
    bool all_wait;
  };
  News NewsWithout(int neighbour, Clock::time_point now, Clock::duration recent) const;

  // What a neighbour said last. Without a phase where it was never heard.
  const Heartbeat& last(int neighbour) const { return last_[index_[neighbour]]; }
  bool is_waiting(int neighbour) const { return last(neighbour).waits_for != Heartbeat::kNobody; }
  bool is_gone(int neighbour) const { return last(neighbour).kind == Heartbeat::kBye; }
  bool IsSilent(int neighbour, Clock::time_point now, Clock::duration limit) const {
    return !is_gone(neighbour) && now - signs_[neighbour] > limit;
  }

  // The lowest neighbour that waits; kNobody.
  int FirstThatWaits() const;

  Clock::time_point sign(int rank) const { return signs_[rank]; }

  // When anything moved on another rank, as far as this one has heard.
  Clock::time_point last_move() const { return last_move_; }

  struct Limits {
    Clock::duration silent;
    Clock::duration almost_silent;
    Clock::duration more_elsewhere;  // for ranks on other hosts
  };

  // Neighbours without a sign for so long; with one of them, those of its host that are silent
  // almost as long: a host fails as a whole, and its ranks did not give their last signs at the
  // same instant.
  std::vector<int> Silent(Clock::time_point now, const Limits& limits) const;

  std::string RankOnHost(int rank) const;

  // Rank r's own account of its place is places[r], for the ranks of this host; null: no account.
  void SetPlaces(std::vector<const SharedPlace*> places) { places_ = std::move(places); }

  // "experts of layer 3", as a neighbour said last.
  std::string LastPlace(int neighbour) const;

  // ", last seen in experts of layer 3"; empty where this rank can't know.
  std::string LastSeen(int rank) const;

  // ", and nothing is heard of the other 3 ranks of its host", where these are heard only through
  // this silent one.
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
  uint64_t num_moves_ = 0;  // that NoteMove was told of
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_PEER_STATES_H_
