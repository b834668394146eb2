#include "launch/doctor/link_times.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>

#include "kernels/base/check.h"
#include "kernels/base/quantile.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

constexpr Place kLinkPlace = {"links"};
constexpr size_t kPingBytes = sizeof(uint64_t);
constexpr size_t kLeastLoad = size_t{64} << 10;
constexpr size_t kMostLoad = size_t{4} << 20;
constexpr size_t kMostPings = 30;

// One side of a pair. Each message begins with the size of the next one, so that the leader alone
// decides how long they go on; 0 ends it.
class LinkPair {
 public:
  LinkPair(Communicator& comm, int peer, int64_t ticket)
      : comm_(comm),
        peer_(peer),
        transfer_({.kind = Traffic::kControl, .place = kLinkPlace, .ticket = ticket}),
        exchange_(comm.MakeExchange()),
        out_(kMostLoad),
        in_(kMostLoad) {}

  // Measures, while the peer follows.
  LinkFacts Lead(double seconds) {
    Ping(kPingBytes, kPingBytes);  // makes the connection, and waits for the peer
    std::vector<double> pings;
    while (pings.size() < kMostPings && std::reduce(pings.begin(), pings.end()) < seconds / 2) {
      pings.push_back(Ping(kPingBytes, kPingBytes));
    }
    Ping(kPingBytes, kLeastLoad);
    double rate = 0;
    for (size_t bytes = kLeastLoad; bytes > 0;) {
      const double first = Ping(bytes, bytes);
      const bool goes_on = bytes < kMostLoad && first < seconds / 4;
      const size_t next = goes_on ? 2 * bytes : 0;
      const double best = std::min(first, Ping(bytes, next));
      // The largest message counts alone: a link with a limit on average lets small ones pass.
      rate = 2 * static_cast<double>(bytes) / best;
      bytes = next;
    }
    LinkFacts facts;
    facts.set_rank(comm_.rank());
    facts.set_peer(peer_);
    facts.set_latency_seconds(Median(pings) / 2);
    facts.set_bytes_per_second(rate);
    return facts;
  }

  void Follow() {
    for (uint64_t bytes = kPingBytes; bytes > 0;) {
      OCTET_CHECK(bytes <= kMostLoad) << bytes << " bytes from rank " << peer_;
      const auto message = std::span(in_).first(bytes);
      const Incoming incoming[] = {{.rank = peer_, .room = message}};
      comm_.Start(*exchange_, transfer_, {}, incoming);
      comm_.Finish(*exchange_);
      const Outgoing outgoing[] = {{.rank = peer_, .bytes = message}};
      comm_.Start(*exchange_, transfer_, outgoing, {});
      comm_.Finish(*exchange_);
      std::memcpy(&bytes, in_.data(), sizeof(bytes));
    }
  }

 private:
  // Sends a message and gets it back. Returns the seconds.
  double Ping(size_t bytes, uint64_t next) {
    std::memcpy(out_.data(), &next, sizeof(next));
    const Outgoing outgoing[] = {{.rank = peer_, .bytes = std::span(out_).first(bytes)}};
    const Incoming incoming[] = {{.rank = peer_, .room = std::span(in_).first(bytes)}};
    const auto start = std::chrono::steady_clock::now();
    comm_.Start(*exchange_, transfer_, outgoing, incoming);
    comm_.Finish(*exchange_);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Communicator& comm_;
  const int peer_;
  const Transfer transfer_;
  std::unique_ptr<Exchange> exchange_;
  std::vector<std::byte> out_;
  std::vector<std::byte> in_;
};

// Collective. Returns the facts of all ranks, on rank 0.
std::vector<LinkFacts> GatherLinks(Communicator& comm, const DoctorReport& mine) {
  std::vector<LinkFacts> links;
  for (const std::string& theirs : GatherToRoot(comm, kLinkPlace, mine.SerializeAsString())) {
    DoctorReport report;
    OCTET_CHECK(report.ParseFromString(theirs));
    links.insert(links.end(), report.links().begin(), report.links().end());
  }
  return links;
}

}  // namespace

std::optional<int> Tournament::OpponentOf(int player, int round) const {
  // The circle method: those whose numbers add up to the round meet, modulo the number of rounds.
  // Who would meet himself meets the last one, who has no place in the circle.
  const int places = num_rounds();
  int opponent = 0;
  if (player == places) {
    opponent = static_cast<int>((int64_t{round} * (places + 1) / 2) % places);
  } else {
    opponent = ((round - player) % places + places) % places;
    if (opponent == player) opponent = places;
  }
  if (opponent >= num_players) return std::nullopt;
  return opponent;
}

std::vector<LinkFacts> MeasureLinks(Communicator& comm, std::span<const int> players,
                                    double seconds) {
  const Tournament tournament = {static_cast<int>(players.size())};
  const auto me = std::find(players.begin(), players.end(), comm.rank());
  const auto player = static_cast<int>(me - players.begin());
  DoctorReport mine;
  for (int round = 0; round < std::min(tournament.num_rounds(), kMostLinkRounds); ++round) {
    const int64_t ticket = comm.NextTicket();
    if (me == players.end()) continue;
    const std::optional<int> opponent = tournament.OpponentOf(player, round);
    if (!opponent) continue;
    LinkPair pair(comm, players[*opponent], ticket);
    if (player < *opponent) {
      *mine.add_links() = pair.Lead(seconds);
    } else {
      pair.Follow();
    }
  }
  return GatherLinks(comm, mine);
}

}  // namespace octet
