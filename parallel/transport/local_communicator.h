// Ranks that are threads of one process: for tests, and for a run on one rank.

#ifndef OCTET_PARALLEL_TRANSPORT_LOCAL_COMMUNICATOR_H_
#define OCTET_PARALLEL_TRANSPORT_LOCAL_COMMUNICATOR_H_

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// The mailboxes that connect the ranks.
class LocalWorld {
 public:
  explicit LocalWorld(int size) : LocalWorld(std::vector<std::string>(size, "this process")) {}
  explicit LocalWorld(std::vector<std::string> hosts)
      : hosts_(std::move(hosts)), inboxes_(hosts_.size()) {
    // A step takes no memory, whenever heartbeats come.
    for (Inbox& inbox : inboxes_) inbox.heartbeats.reserve(std::min<size_t>(hosts_.size(), 16));
  }

  int size() const { return static_cast<int>(hosts_.size()); }
  std::span<const std::string> hosts() const { return hosts_; }

  // Messages of different exchanges do not mix.
  void Post(int from, int to, int64_t exchange, ConstBytes message);

  // Takes the message of this exchange into `room`, which must be large enough. Returns its size,
  // or none if it has not come yet.
  std::optional<size_t> Take(int from, int to, int64_t exchange, Bytes room);

  // Send and receive as in HeartbeatChannel. A newer heartbeat replaces an older one.
  bool PostHeartbeat(int from, int to, const Heartbeat& beat);
  bool TakeHeartbeat(int to, int& from, Heartbeat& beat);

  // Returns the world of the ranks [first, first + size), the same for all of them. `number`
  // distinguishes groups of the same ranks.
  LocalWorld& Group(int first, int size, int number);

 private:
  struct Letter {
    static constexpr int64_t kTaken = -1;
    int64_t exchange = kTaken;
    std::vector<std::byte> message;
  };

  struct Mailbox {
    std::mutex mutex;
    // A letter that was taken keeps its memory for later messages. All letters have the same room,
    // because the letter that a message gets depends on which rank runs ahead. A step of the engine
    // never has more than four under way.
    std::vector<Letter> letters = std::vector<Letter>(4);
    size_t room = 0;  // bytes of each
  };

  // The messages and heartbeats that a rank has not taken yet. A mailbox is made at its first use,
  // and stays: most pairs of ranks never exchange anything.
  struct Inbox {
    std::mutex mutex;
    std::map<int, Mailbox> mailboxes;                   // by sender
    std::vector<std::pair<int, Heartbeat>> heartbeats;  // with the sender; one of each
  };

  Mailbox& mailbox(int from, int to);

  std::vector<std::string> hosts_;
  std::vector<Inbox> inboxes_;  // [ranks]
  std::mutex groups_mutex_;
  std::map<std::tuple<int, int, int>, std::unique_ptr<LocalWorld>> groups_;
};

class LocalCommunicator : public Communicator {
 public:
  // The rank's own thread must call this.
  LocalCommunicator(LocalWorld& world, int rank);

  int rank() const override { return rank_; }
  int size() const override { return world_.size(); }
  std::span<const std::string> hosts() const override { return world_.hosts(); }
  std::unique_ptr<Communicator> MakeGroup(int size) override;
  std::unique_ptr<Exchange> MakeExchange() override;

 private:
  LocalCommunicator(LocalCommunicator& parent, LocalWorld& group, int first)
      : Communicator(parent, first), world_(group), rank_(parent.rank_ - first) {}

  LocalWorld& world_;
  int rank_;
  int num_groups_ = 0;  // that this communicator made
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_LOCAL_COMMUNICATOR_H_
