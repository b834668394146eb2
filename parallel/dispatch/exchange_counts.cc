#include "parallel/dispatch/exchange_counts.h"

#include <algorithm>
#include <bit>

#include "parallel/dispatch/letter.h"

namespace octet {

ExchangeCounts::ExchangeCounts(const ExpertPlacement& placement, const HostTopology& hosts,
                               ReplicaPolicy policy)
    : hosts_(hosts),
      choice_(placement, hosts, policy),
      num_experts_(placement.num_experts()),
      peers_(hosts.num_ranks()),
      owners_(hosts.num_ranks()),
      expert_rows_(hosts.num_ranks()),
      rows_(static_cast<size_t>(hosts.num_ranks()) * placement.num_experts()),
      place_of_peer_(hosts.num_ranks()),
      peer_stamp_(hosts.num_ranks()),
      owner_stamp_(hosts.num_ranks()),
      host_stamp_(hosts.num_hosts()),
      token_stamp_(hosts.num_hosts()) {}

void ExchangeCounts::Count(int layer, std::span<const Routing> routing) {
  const std::vector<std::vector<int32_t>>& owner_of = choice_.Choose(layer, routing);
  const auto hosts = static_cast<uint64_t>(hosts_.num_hosts());
  const auto steps = static_cast<int64_t>(std::bit_width(hosts - 1));
  row_messages_ = 0;
  return_messages_ = 0;
  announcements_ = steps * hosts_.num_hosts();
  announced_bytes_ = announcements_ * static_cast<int64_t>(sizeof(Parcel));
  for (std::vector<int64_t>& rows : expert_rows_) rows.clear();
  for (int home = 0; home < hosts_.num_ranks(); ++home) {
    CountHome(home, routing[home].topk, owner_of[home]);
    CountExperts(routing[home], owner_of[home]);
  }
  std::ranges::sort(touched_);
  for (const int64_t i : touched_) {
    expert_rows_[i / num_experts_].push_back(rows_[i]);
    rows_[i] = 0;
  }
  touched_.clear();
}

void ExchangeCounts::CountExperts(const Routing& routing, std::span<const int32_t> owner_of) {
  for (size_t i = 0; i < owner_of.size(); ++i) {
    const int64_t place = int64_t{owner_of[i]} * num_experts_ + routing.topk_idx[i];
    if (rows_[place]++ == 0) touched_.push_back(place);
  }
}

void ExchangeCounts::CountHome(int home, int topk, std::span<const int32_t> owner_of) {
  peers_[home].clear();
  owners_[home].clear();
  const int64_t of_home = ++stamp_;
  const int home_host = hosts_.host_of(home);
  for (size_t first = 0; first < owner_of.size(); first += topk) {
    const std::span token = owner_of.subspan(first, topk);
    const int64_t of_token = ++stamp_;
    for (int i = 0; i < topk; ++i) {
      const int owner = token[i];
      const auto same = [owner](int32_t other) { return other == owner; };
      if (std::ranges::any_of(token.first(i), same)) continue;
      if (owner_stamp_[owner] < of_home) {
        owner_stamp_[owner] = of_home;
        owners_[home].push_back(owner);
      }
      AddOwner(home, topk, owner, static_cast<int>(std::ranges::count_if(token, same)));
      const int host = hosts_.host_of(owner);
      if (host == home_host) continue;
      if (host_stamp_[host] < of_home) Announce(home_host, host);
      host_stamp_[host] = of_home;
      if (token_stamp_[host] == of_token) continue;
      token_stamp_[host] = of_token;
      ++PeerOf(home, hosts_.ReceiverOf(home, host)).rows_sent;
    }
  }
  for (const int32_t owner : owners_[home]) {
    const int host = hosts_.host_of(owner);
    if (host == home_host) continue;
    ++return_messages_;
    PeerOf(home, hosts_.ReceiverOf(home, host)).letter_bytes += sizeof(OwnerPairs);
  }
}

void ExchangeCounts::AddOwner(int home, int topk, int owner, int slots) {
  const int host = hosts_.host_of(owner);
  const int returns = slots == topk ? 1 : slots;
  if (host != hosts_.host_of(home)) {
    PeerOf(home, owner).returns_sent += returns;
    PeerOf(home, hosts_.ReceiverOf(home, host)).letter_bytes +=
        slots * static_cast<int64_t>(sizeof(RoutedPair));
  } else if (owner != home) {
    PeerTraffic& peer = PeerOf(home, owner);
    ++peer.rows_in_place;
    peer.returns_in_place += returns;
  }
}

// Sizes travel to hosts at distances of 1, 2, 4, ...: a message for each bit of the distance.
void ExchangeCounts::Announce(int from_host, int to_host) {
  ++row_messages_;
  const int distance = (to_host - from_host + hosts_.num_hosts()) % hosts_.num_hosts();
  announced_bytes_ +=
      std::popcount(static_cast<unsigned>(distance)) * static_cast<int64_t>(sizeof(Parcel));
}

PeerTraffic& ExchangeCounts::PeerOf(int home, int rank) {
  std::vector<Peer>& peers = peers_[home];
  const int64_t place = place_of_peer_[rank];
  const bool known =
      peer_stamp_[rank] == home + 1 && place < std::ssize(peers) && peers[place].rank == rank;
  if (known) return peers[place].traffic;
  peer_stamp_[rank] = home + 1;
  place_of_peer_[rank] = std::ssize(peers);
  return peers.emplace_back(Peer{.rank = rank}).traffic;
}

}  // namespace octet
