#include "parallel/transport/local_communicator.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"

namespace octet {
namespace {

class LocalExchange : public Exchange {
 public:
  LocalExchange(LocalWorld& world, int rank, int64_t& num_exchanges)
      : world_(world), rank_(rank), num_exchanges_(num_exchanges) {}

  bool Poll() override {
    bool all = true;
    for (int r = 0; r < world_.size(); ++r) {
      if (!done_[r]) Receive(r);
      all = all && done_[r];
    }
    return all;
  }

  // A message is there as soon as it is sent.
  bool all_have_come() const override {
    return std::find(done_.begin(), done_.end(), false) == done_.end();
  }
  bool is_late(int rank) const override { return !done_[rank]; }
  int64_t parts_moved(int rank) const override { return done_[rank] ? 1 : 0; }

  int64_t moves() const override { return moves_; }
  std::span<const size_t> received() const override { return received_; }

 private:
  void Start(std::span<const ConstBytes> send, std::span<const Bytes> recv) override {
    number_ = num_exchanges_++;
    for (int r = 0; r < world_.size(); ++r) {
      if (!send[r].empty()) world_.Post(rank_, r, number_, send[r]);
    }
    recv_.assign(recv.begin(), recv.end());
    received_.assign(recv.size(), 0);
    done_.resize(recv.size());
    for (size_t r = 0; r < recv.size(); ++r) done_[r] = recv[r].empty();
  }

  void Receive(int from) {
    const std::optional<size_t> size = world_.Take(from, rank_, number_, recv_[from]);
    done_[from] = size.has_value();
    received_[from] = size.value_or(0);
    if (size) ++moves_;
  }

  LocalWorld& world_;
  int rank_;
  int64_t& num_exchanges_;  // of the communicator
  int64_t number_ = 0;
  int64_t moves_ = 0;
  std::vector<Bytes> recv_;
  std::vector<size_t> received_;
  std::vector<bool> done_;
};

class LocalHeartbeats : public HeartbeatChannel {
 public:
  LocalHeartbeats(LocalWorld& world, int rank) : world_(world), rank_(rank) {}

  bool Send(int to, const Heartbeat& beat) override {
    return world_.PostHeartbeat(rank_, to, beat);
  }
  bool Receive(int& from, Heartbeat& beat) override {
    return world_.TakeHeartbeat(rank_, from, beat);
  }

 private:
  LocalWorld& world_;
  int rank_;
};

}  // namespace

void LocalWorld::Post(int from, int to, int64_t exchange, ConstBytes message) {
  Mailbox& box = mailbox(from, to);
  const std::lock_guard lock(box.mutex);
  auto letter = std::find_if(box.letters.begin(), box.letters.end(),
                             [](const Letter& l) { return l.exchange == Letter::kTaken; });
  if (letter == box.letters.end()) {
    letter = box.letters.emplace(letter);
    letter->message.reserve(box.room);
  }
  if (message.size() > box.room) {
    box.room = message.size();
    for (Letter& each : box.letters) each.message.reserve(box.room);
  }
  letter->exchange = exchange;
  letter->message.assign(message.begin(), message.end());
}

std::optional<size_t> LocalWorld::Take(int from, int to, int64_t exchange, Bytes room) {
  Mailbox& box = mailbox(from, to);
  const std::lock_guard lock(box.mutex);
  const auto letter = std::find_if(box.letters.begin(), box.letters.end(),
                                   [&](const Letter& l) { return l.exchange == exchange; });
  if (letter == box.letters.end()) return std::nullopt;
  OCTET_CHECK(letter->message.size() <= room.size())
      << letter->message.size() << " bytes from " << from;
  std::copy(letter->message.begin(), letter->message.end(), room.begin());
  letter->exchange = Letter::kTaken;
  return letter->message.size();
}

bool LocalWorld::PostHeartbeat(int from, int to, const Heartbeat& beat) {
  const std::lock_guard lock(heartbeats_mutex_);
  std::optional<Heartbeat>& slot = heartbeats_[to * size() + from];
  if (slot && slot->kind != Heartbeat::kAlive) return false;
  slot = beat;
  return true;
}

bool LocalWorld::TakeHeartbeat(int to, int& from, Heartbeat& beat) {
  const std::lock_guard lock(heartbeats_mutex_);
  for (from = 0; from < size(); ++from) {
    std::optional<Heartbeat>& slot = heartbeats_[to * size() + from];
    if (!slot) continue;
    beat = *std::exchange(slot, std::nullopt);
    return true;
  }
  return false;
}

LocalWorld& LocalWorld::Group(int first, int size, int number) {
  const std::lock_guard lock(groups_mutex_);
  std::unique_ptr<LocalWorld>& group = groups_[{first, size, number}];
  const auto begin = hosts_.begin() + first;
  if (group == nullptr) {
    group = std::make_unique<LocalWorld>(std::vector<std::string>(begin, begin + size));
  }
  return *group;
}

LocalCommunicator::LocalCommunicator(LocalWorld& world, int rank)
    : Communicator(std::make_unique<Watchdog>(Activity::OfThisThread(),
                                              std::make_unique<LocalHeartbeats>(world, rank), rank,
                                              world.hosts())),
      world_(world),
      rank_(rank) {}

std::unique_ptr<Communicator> LocalCommunicator::MakeGroup(int group_size) {
  OCTET_CHECK(group_size > 0 && size() % group_size == 0) << group_size << " of " << size();
  const int first = rank_ - rank_ % group_size;
  return std::unique_ptr<Communicator>(
      new LocalCommunicator(*this, world_.Group(first, group_size, num_groups_++), first));
}

std::unique_ptr<Exchange> LocalCommunicator::MakeExchange() {
  return std::make_unique<LocalExchange>(world_, rank_, num_exchanges_);
}

}  // namespace octet
