// What a rank knows of how the others are.

#ifndef OCTET_PARALLEL_WATCH_PEER_STATES_H_
#define OCTET_PARALLEL_WATCH_PEER_STATES_H_

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/activity.h"
#include "parallel/watch/heartbeat.h"

namespace octet {

// The last heartbeat of each rank and when it gave its last sign: its progress counter moved, bytes
// went to it or came from it, or it said that it waits itself.
class PeerStates {
 public:
  using Clock = std::chrono::steady_clock;

  PeerStates(int rank, std::span<const std::string> hosts);

  int size() const { return static_cast<int>(peers_.size()); }
  int rank() const { return rank_; }  // this one

  void Hear(int from, const Heartbeat& beat, Clock::time_point now);
  void NoteMove(int rank, Clock::time_point now) { peers_[rank].sign = last_move_ = now; }

  // A time in which this rank heard nothing says nothing about others.
  void SkipTime(Clock::duration time);

  // Of another rank. Without a phase where it was never heard.
  const Heartbeat& last(int rank) const { return peers_[rank].last; }
  bool is_waiting(int rank) const { return peers_[rank].last.waits_for != Heartbeat::kNobody; }
  bool is_gone(int rank) const { return peers_[rank].last.kind == Heartbeat::kBye; }
  bool has_alarmed(int rank) const { return peers_[rank].last.kind == Heartbeat::kAlarm; }
  bool IsSilent(int rank, Clock::time_point now, Clock::duration limit) const {
    return rank != rank_ && !is_gone(rank) && now - peers_[rank].sign > limit;
  }
  Clock::time_point sign(int rank) const { return peers_[rank].sign; }

  // When anything moved on another rank: the last that this one knows of.
  Clock::time_point last_move() const { return last_move_; }

  // Those without a sign for `limit`; with one of them, those of its host that are silent almost as
  // long: a host fails as a whole, and its ranks did not give their last signs at the same instant.
  std::vector<int> Silent(Clock::time_point now, Clock::duration limit,
                          Clock::duration almost) const;

  std::string RankOnHost(int rank) const;

  // Rank r's own account of its place is places[r], for the ranks of this host; null: no account.
  void SetPlaces(std::vector<const SharedPlace*> places) { places_ = std::move(places); }

  // "experts of layer 3", as it said last.
  std::string LastPlace(int rank) const;

  // "last seen in experts of layer 3"
  std::string LastSeen(int rank) const;

 private:
  struct Peer {
    Heartbeat last;
    Clock::time_point sign;
  };

  const int rank_;
  const std::vector<std::string> hosts_;
  std::vector<Peer> peers_;                 // [ranks]
  std::vector<const SharedPlace*> places_;  // [ranks]
  Clock::time_point last_move_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_PEER_STATES_H_
