#include "parallel/watch/peer_states.h"

#include <algorithm>
#include <utility>

namespace octet {

PeerStates::PeerStates(int rank, std::span<const std::string> hosts,
                       std::vector<TreeNeighbour> neighbours)
    : rank_(rank),
      hosts_(hosts.begin(), hosts.end()),
      neighbours_(std::move(neighbours)),
      index_(hosts.size(), kNotANeighbour),
      last_(neighbours_.size()),
      signs_(hosts.size(), Clock::now()),
      places_(hosts.size()),
      last_move_(Clock::now()) {
  for (size_t i = 0; i < neighbours_.size(); ++i) {
    index_[neighbours_[i].rank] = static_cast<int>(i);
  }
}

void PeerStates::Hear(int from, const Heartbeat& beat, Clock::time_point now) {
  Heartbeat& last = last_[index_[from]];
  const bool moved = beat.progress != last.progress;
  if (moved || beat.progress_beyond != last.progress_beyond) last_move_ = now;
  if (moved || beat.waits_for != Heartbeat::kNobody) signs_[from] = now;
  last = beat;
}

void PeerStates::NoteMove(int rank, Clock::time_point now) {
  signs_[rank] = last_move_ = now;
  ++num_moves_;
}

void PeerStates::SkipTime(Clock::duration time) {
  for (Clock::time_point& sign : signs_) sign += time;
  last_move_ += time;
}

void PeerStates::CountFrom(Clock::time_point now) {
  std::ranges::fill(signs_, now);
  last_move_ = now;
}

// A sum of counters that only grow stays the same only while all of them stay the same. News from a
// neighbour never goes back to it, so that no news goes round in circles.
PeerStates::News PeerStates::NewsWithout(int neighbour, Clock::time_point now,
                                         Clock::duration recent) const {
  News news = {.progress = num_moves_, .all_wait = true};
  for (const TreeNeighbour& n : neighbours_) {
    if (n.rank == neighbour) continue;
    const Heartbeat& heard = last(n.rank);
    news.progress += heard.progress + heard.progress_beyond;
    news.all_wait = news.all_wait && heard.all_wait != 0 && !IsSilent(n.rank, now, recent);
  }
  return news;
}

int PeerStates::FirstThatWaits() const {
  int first = Heartbeat::kNobody;
  for (const TreeNeighbour& n : neighbours_) {
    if (is_waiting(n.rank) && (first == Heartbeat::kNobody || n.rank < first)) first = n.rank;
  }
  return first;
}

std::vector<int> PeerStates::Silent(Clock::time_point now, const Limits& limits) const {
  const auto is_silent = [&](int rank, Clock::duration limit) {
    return IsSilent(rank, now, limit + (IsElsewhere(rank) ? limits.more_elsewhere : limit.zero()));
  };
  std::vector<int> silent;
  for (const TreeNeighbour& n : neighbours_) {
    if (is_silent(n.rank, limits.silent)) silent.push_back(n.rank);
  }
  if (silent.empty()) return silent;
  std::vector<int> all;
  for (const TreeNeighbour& n : neighbours_) {
    const bool host_is_silent =
        std::ranges::any_of(silent, [&](int other) { return hosts_[other] == hosts_[n.rank]; });
    if (host_is_silent && is_silent(n.rank, limits.almost_silent)) all.push_back(n.rank);
  }
  std::ranges::sort(all);
  return all;
}

std::string PeerStates::RankOnHost(int rank) const {
  return "rank " + std::to_string(rank) + " on " + hosts_[rank];
}

std::string PeerStates::LastPlace(int neighbour) const {
  if (places_[neighbour] != nullptr) return places_[neighbour]->Describe();
  return Describe(last(neighbour).phase.data(), last(neighbour).layer);
}

std::string PeerStates::LastSeen(int rank) const {
  if (places_[rank] != nullptr) return ", last seen in " + places_[rank]->Describe();
  if (!IsNeighbour(rank)) return "";
  return last(rank).phase[0] == 0 ? ", never heard from" : ", last seen in " + LastPlace(rank);
}

std::string PeerStates::RestOfHost(int rank) const {
  const auto others = std::ranges::count(hosts_, hosts_[rank]) - 1;
  if (!IsElsewhere(rank) || others == 0) return "";
  return ", and nothing is heard of the other " +
         (others == 1 ? "rank" : std::to_string(others) + " ranks") + " of its host";
}

}  // namespace octet
