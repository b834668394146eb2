// Latency and bandwidth of the links between pairs of ranks.

#ifndef OCTET_LAUNCH_DOCTOR_LINK_TIMES_H_
#define OCTET_LAUNCH_DOCTOR_LINK_TIMES_H_

#include <optional>
#include <span>
#include <vector>

#include "parallel/transport/communicator.h"
#include "proto/doctor.pb.h"

namespace octet {

// A tournament in which each of `num_players` meets each other once, in rounds of disjoint pairs.
struct Tournament {
  int num_players;

  int num_rounds() const { return num_players < 2 ? 0 : (num_players + 1) / 2 * 2 - 1; }

  // Returns the opponent in a round; nothing for who rests.
  std::optional<int> OpponentOf(int player, int round) const;
};

// The rounds that are played at most, however many players there are.
inline constexpr int kMostLinkRounds = 63;

// Collective. Measures messages to and fro between pairs of `players`, which are ranks, and the
// same on all ranks. All pairs of a round work at the same time. A pair has about `seconds`. The
// result is complete on rank 0. A rank that does not answer is found by the watchdog.
std::vector<LinkFacts> MeasureLinks(Communicator& comm, std::span<const int> players,
                                    double seconds);

}  // namespace octet

#endif  // OCTET_LAUNCH_DOCTOR_LINK_TIMES_H_
