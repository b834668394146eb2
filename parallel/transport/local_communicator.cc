#include "parallel/transport/local_communicator.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"
#include "parallel/transport/rank_tree.h"

namespace octet {
namespace {

class LocalExchange : public Exchange {
 public:
  LocalExchange(LocalWorld& world, int rank) : world_(world), rank_(rank) {}

  bool Poll() override {
    for (size_t i = 0; i < rooms_.size(); ++i) {
      if (!done_[i]) Receive(i);
    }
    return all_have_come();
  }

  // A message is there as soon as it is sent.
  bool all_have_come() const override {
    return std::find(done_.begin(), done_.end(), false) == done_.end();
  }
  void Visit(Visitor visit) const override {
    for (size_t i = 0; i < rooms_.size(); ++i) {
      visit({.rank = rooms_[i].rank, .late = !done_[i], .moved = done_[i] ? 1 : 0});
    }
  }
  int64_t moves() const override { return moves_; }
  std::span<const size_t> received() const override { return received_; }

 private:
  void Start(const Transfer& transfer, std::span<const Outgoing> send,
             std::span<const Incoming> recv) override {
    number_ = transfer.ticket * kNumTrafficKinds + static_cast<int>(transfer.kind);
    for (const Outgoing& message : send) world_.Post(rank_, message.rank, number_, message.bytes);
    rooms_.assign(recv.begin(), recv.end());
    received_.assign(recv.size(), 0);
    done_.assign(recv.size(), false);
  }

  void Receive(size_t i) {
    const auto size = world_.Take(rooms_[i].rank, rank_, number_, rooms_[i].room);
    if (!size) return;
    done_[i] = true;
    received_[i] = *size;
    ++moves_;
  }

  LocalWorld& world_;
  int rank_;
  int64_t number_ = 0;
  int64_t moves_ = 0;
  std::vector<Incoming> rooms_;
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

LocalWorld::Mailbox& LocalWorld::mailbox(int from, int to) {
  Inbox& inbox = inboxes_[to];
  const std::lock_guard lock(inbox.mutex);
  return inbox.mailboxes[from];
}

bool LocalWorld::PostHeartbeat(int from, int to, const Heartbeat& beat) {
  Inbox& inbox = inboxes_[to];
  const std::lock_guard lock(inbox.mutex);
  const auto waiting = std::ranges::find(inbox.heartbeats, from, &std::pair<int, Heartbeat>::first);
  if (waiting == inbox.heartbeats.end()) {
    inbox.heartbeats.emplace_back(from, beat);
    return true;
  }
  if (waiting->second.kind != Heartbeat::kAlive) return false;
  waiting->second = beat;
  return true;
}

bool LocalWorld::TakeHeartbeat(int to, int& from, Heartbeat& beat) {
  Inbox& inbox = inboxes_[to];
  const std::lock_guard lock(inbox.mutex);
  if (inbox.heartbeats.empty()) return false;
  std::tie(from, beat) = inbox.heartbeats.back();
  inbox.heartbeats.pop_back();
  return true;
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
    : Communicator(std::make_unique<Watchdog>(
          Activity::OfThisThread(), std::make_unique<LocalHeartbeats>(world, rank), rank,
          world.hosts(), RankTree(HostTopology(world.hosts()), rank).Neighbours())),
      world_(world),
      rank_(rank) {}

std::unique_ptr<Communicator> LocalCommunicator::MakeGroup(int group_size) {
  OCTET_CHECK(group_size > 0 && size() % group_size == 0) << group_size << " of " << size();
  const int first = rank_ - rank_ % group_size;
  return std::unique_ptr<Communicator>(
      new LocalCommunicator(*this, world_.Group(first, group_size, num_groups_++), first));
}

std::unique_ptr<Exchange> LocalCommunicator::MakeExchange() {
  return std::make_unique<LocalExchange>(world_, rank_);
}

}  // namespace octet
