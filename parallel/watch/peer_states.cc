#include "parallel/watch/peer_states.h"

#include <algorithm>

namespace octet {

PeerStates::PeerStates(int rank, std::span<const std::string> hosts)
    : rank_(rank),
      hosts_(hosts.begin(), hosts.end()),
      peers_(hosts.size()),
      places_(hosts.size()),
      last_move_(Clock::now()) {
  for (Peer& peer : peers_) peer.sign = last_move_;
}

void PeerStates::Hear(int from, const Heartbeat& beat, Clock::time_point now) {
  Peer& peer = peers_[from];
  const bool moved = beat.progress != peer.last.progress;
  if (moved) last_move_ = now;
  if (moved || beat.waits_for != Heartbeat::kNobody) peer.sign = now;
  peer.last = beat;
}

void PeerStates::SkipTime(Clock::duration time) {
  for (Peer& peer : peers_) peer.sign += time;
  last_move_ += time;
}

std::vector<int> PeerStates::Silent(Clock::time_point now, Clock::duration limit,
                                    Clock::duration almost) const {
  std::vector<int> silent;
  for (int r = 0; r < size(); ++r) {
    if (IsSilent(r, now, limit)) silent.push_back(r);
  }
  if (silent.empty()) return silent;
  const auto host_is_silent = [&](int rank) {
    return std::any_of(silent.begin(), silent.end(),
                       [&](int other) { return hosts_[other] == hosts_[rank]; });
  };
  std::vector<int> all;
  for (int r = 0; r < size(); ++r) {
    const bool late = IsSilent(r, now, limit);
    if (late || (IsSilent(r, now, almost) && host_is_silent(r))) all.push_back(r);
  }
  return all;
}

std::string PeerStates::RankOnHost(int rank) const {
  return "rank " + std::to_string(rank) + " on " + hosts_[rank];
}

std::string PeerStates::LastPlace(int rank) const {
  if (places_[rank] != nullptr) return places_[rank]->Describe();
  return Describe(last(rank).phase.data(), last(rank).layer);
}

std::string PeerStates::LastSeen(int rank) const {
  const bool unknown = places_[rank] == nullptr && last(rank).phase[0] == 0;
  return unknown ? "never heard from" : "last seen in " + LastPlace(rank);
}

}  // namespace octet
