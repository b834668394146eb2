#include "parallel/dispatch/parcel_announcer.h"

#include <bit>

namespace octet {

ParcelAnnouncer::ParcelAnnouncer(Communicator& comm, const HostTopology& hosts,
                                 const HostBoard& board)
    : comm_(comm),
      hosts_(hosts),
      board_(board),
      host_(hosts.host_of(comm.rank())),
      num_steps_(std::bit_width(static_cast<unsigned>(hosts.num_hosts() - 1))),
      exchange_(comm.MakeExchange()),
      in_(1 + static_cast<size_t>(hosts.num_ranks())) {
  held_.reserve(in_.size());
  out_.reserve(in_.size());
}

void ParcelAnnouncer::Begin(int64_t exchange, const Transfer& transfer) {
  number_ = exchange;
  transfer_ = transfer;
  gathered_ = false;
  step_ = 0;
}

bool ParcelAnnouncer::Poll() {
  if (step_ == num_steps_) return true;
  if (!gathered_) {
    if (board_.CountStaged(number_) < board_.num_ranks()) return false;
    TakeOutgoing();
    BeginStep();
  }
  while (exchange_->Poll()) {
    EndStep();
    if (++step_ == num_steps_) {
      board_.WriteIncoming(held_);
      board_.flags(0).announced.store(number_, std::memory_order_release);
      return true;
    }
    BeginStep();
  }
  return false;
}

void ParcelAnnouncer::Visit(Visitor visit) const {
  if (gathered_) return exchange_->Visit(visit);
  for (int i = 0; i < board_.num_ranks(); ++i) {
    const bool staged = board_.HasStaged(i, number_);
    visit({.rank = hosts_.ranks_of(host_)[i], .late = !staged, .moved = staged ? 1 : 0});
  }
}

void ParcelAnnouncer::TakeOutgoing() {
  gathered_ = true;
  held_.clear();
  for (int i = 0; i < board_.num_ranks(); ++i) {
    const std::span<const Parcel> parcels = board_.outgoing(i);
    held_.insert(held_.end(), parcels.begin(), parcels.end());
  }
}

int ParcelAnnouncer::Distance(const Parcel& parcel) const {
  return (parcel.host - host_ + hosts_.num_hosts()) % hosts_.num_hosts();
}

void ParcelAnnouncer::BeginStep() {
  const int step = 1 << step_;
  const int num_hosts = hosts_.num_hosts();
  const auto first_rank = [&](int host) { return hosts_.ranks_of(host % num_hosts)[0]; };
  const auto goes = [&](const Parcel& parcel) { return (Distance(parcel) & step) != 0; };
  out_.assign(1, {});
  std::ranges::copy_if(held_, std::back_inserter(out_), goes);
  std::erase_if(held_, goes);
  const Outgoing message = {first_rank(host_ + step), std::as_bytes(std::span(out_))};
  const Incoming room = {first_rank(host_ + num_hosts - step),
                         std::as_writable_bytes(std::span(in_))};
  comm_.Begin(*exchange_, transfer_, {&message, 1}, {&room, 1});
}

void ParcelAnnouncer::EndStep() {
  const size_t count = exchange_->received()[0] / sizeof(Parcel);
  held_.insert(held_.end(), in_.begin() + 1, in_.begin() + count);
}

}  // namespace octet
