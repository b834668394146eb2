#include "parallel/dispatch/arrivals.h"

#include <absl/container/inlined_vector.h>

namespace octet {
namespace {

// The room that a receiver has given to the parcels of its last round.
struct Room {
  int round = 0;
  int32_t tokens = 0;
  size_t letters = 0;
};

}  // namespace

void PlanArrivals(std::span<const Parcel> incoming, const HostTopology& hosts,
                  const DispatchLimits& limits, std::vector<Arrival>& arrivals) {
  arrivals.clear();
  if (incoming.empty()) return;
  const auto num_ranks = std::ssize(hosts.ranks_of(incoming[0].host));
  const int64_t most_tokens = limits.tokens_at_a_time(hosts.num_ranks() - num_ranks);
  absl::InlinedVector<Room, 16> rooms(num_ranks);
  for (const Parcel& parcel : incoming) {
    const int receiver = hosts.index_on_host(hosts.ReceiverOf(parcel.home, parcel.host));
    Room& room = rooms[receiver];
    if (room.tokens + parcel.num_tokens > most_tokens) room = {.round = room.round + 1};
    arrivals.push_back({.parcel = parcel,
                        .receiver = receiver,
                        .round = room.round,
                        .first_row = room.tokens,
                        .letter_at = room.letters});
    room.tokens += parcel.num_tokens;
    room.letters += parcel.letter_bytes();
  }
}

}  // namespace octet
