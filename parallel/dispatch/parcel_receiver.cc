#include "parallel/dispatch/parcel_receiver.h"

#include <algorithm>

namespace octet {

ParcelReceiver::ParcelReceiver(Communicator& comm, const HostTopology& hosts,
                               const HostBoard& board, const DispatchLimits& limits)
    : comm_(comm),
      hosts_(hosts),
      board_(board),
      limits_(limits),
      index_(hosts.index_on_host(comm.rank())),
      letters_(comm.MakeExchange()),
      tokens_(comm.MakeExchange()) {
  if (index_ == 0) announcer_.emplace(comm, hosts, board);
}

void ParcelReceiver::Begin(int64_t exchange, int layer, int64_t ticket) {
  number_ = exchange;
  layer_ = layer;
  ticket_ = ticket;
  is_announced_ = false;
  in_round_ = false;
  round_ = own_rounds_ = num_rounds_ = 0;
  if (announcer_) announcer_->Begin(exchange, {Traffic::kControl, {"routing", layer}, ticket});
}

bool ParcelReceiver::Poll() {
  if (!is_announced_ && !CheckAnnounced()) return false;
  while (round_ < own_rounds_) {
    if (!in_round_) {
      if (!RoundIsConsumed()) return false;
      BeginRound();
    }
    const bool letters_are_here = letters_->Poll();
    if (!tokens_->Poll() || !letters_are_here) return false;
    in_round_ = false;
    ++round_;
    board_.flags(index_).arrived.store(HostBoard::AfterRounds(number_, round_),
                                       std::memory_order_release);
  }
  return true;
}

bool ParcelReceiver::CheckAnnounced() {
  if (announcer_) announcer_->Poll();
  if (board_.flags(0).announced.load(std::memory_order_acquire) < number_) return false;
  is_announced_ = true;
  PlanArrivals(board_.incoming(), hosts_, limits_, arrivals_);
  for (const Arrival& arrival : arrivals_) {
    num_rounds_ = std::max(num_rounds_, arrival.round + 1);
    if (arrival.receiver == index_) own_rounds_ = std::max(own_rounds_, arrival.round + 1);
  }
  return true;
}

// Returns true when the ranks of the host no longer read the tokens of the round before.
bool ParcelReceiver::RoundIsConsumed() const {
  if (round_ == 0) return true;  // all ranks have staged since the last exchange
  for (int i = 0; i < board_.num_ranks(); ++i) {
    const int64_t consumed = board_.flags(i).consumed.load(std::memory_order_acquire);
    if (consumed < HostBoard::AfterRounds(number_, round_)) return false;
  }
  return true;
}

void ParcelReceiver::BeginRound() {
  in_round_ = true;
  const auto receive = [&](Exchange& exchange, Traffic kind, auto room_of) {
    recv_.clear();
    for (const Arrival& a : arrivals_) {
      if (a.receiver == index_ && a.round == round_) recv_.push_back({a.parcel.home, room_of(a)});
    }
    comm_.Begin(exchange, {kind, {Name(kind), layer_}, ticket_}, {}, recv_);
  };
  receive(*letters_, Traffic::kRouting, [&](const Arrival& a) {
    return board_.letter_room(index_).subspan(a.letter_at, a.parcel.letter_bytes());
  });
  receive(*tokens_, Traffic::kDispatch, [&](const Arrival& a) {
    const Matrix rows =
        board_.tokens().Rows(board_.arriving_tokens(index_) + a.first_row, a.parcel.num_tokens);
    return Bytes(rows.data, static_cast<size_t>(rows.rows) * rows.row_bytes());
  });
}

bool ParcelReceiver::all_have_come() const {
  if (!in_round_) return is_announced_ && round_ == own_rounds_;
  return letters_->all_have_come() && tokens_->all_have_come();
}

int64_t ParcelReceiver::moves() const {
  return (announcer_ ? announcer_->moves() : 0) + letters_->moves() + tokens_->moves();
}

void ParcelReceiver::Visit(Visitor visit) const {
  const auto see = [&](int index, bool late) {
    visit({.rank = hosts_.ranks_of(hosts_.host_of(comm_.rank()))[index],
           .late = late,
           .moved = late ? 0 : 1});
  };
  if (!is_announced_) return announcer_ ? announcer_->Visit(visit) : see(0, true);
  if (in_round_) {
    letters_->Visit(visit);
    tokens_->Visit(visit);
  }
  for (int i = 0; i < board_.num_ranks() && round_ < own_rounds_ && !in_round_; ++i) {
    const int64_t consumed = board_.flags(i).consumed.load(std::memory_order_acquire);
    see(i, consumed < HostBoard::AfterRounds(number_, round_));
  }
}

bool ParcelReceiver::HasArrived(const Arrival& arrival) const {
  return board_.flags(arrival.receiver).arrived.load(std::memory_order_acquire) >=
         HostBoard::AfterRounds(number_, arrival.round + 1);
}

Letter ParcelReceiver::ReadLetter(const Arrival& arrival) const {
  const std::byte* at = board_.letter_room(arrival.receiver).data() + arrival.letter_at;
  const std::span owners(reinterpret_cast<const OwnerPairs*>(at),
                         static_cast<size_t>(arrival.parcel.num_owners));
  return Letter::Of(owners, reinterpret_cast<const RoutedPair*>(at + owners.size_bytes()));
}

}  // namespace octet
