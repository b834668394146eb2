// Ranks that are threads of one process: for tests, and for a run on one rank.

#ifndef OCTET_PARALLEL_LOCAL_COMMUNICATOR_H_
#define OCTET_PARALLEL_LOCAL_COMMUNICATOR_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace octet {

// The mailboxes that connect the ranks.
class LocalWorld {
 public:
  explicit LocalWorld(int size) : mailboxes_(size * size), hosts_(size, "this process") {}

  int size() const { return static_cast<int>(hosts_.size()); }
  std::span<const std::string> hosts() const { return hosts_; }

  // Messages of different exchanges do not mix.
  void Post(int from, int to, int64_t exchange, ConstBytes message);

  // Takes the message of this exchange; false when it has not come yet.
  bool Take(int from, int to, int64_t exchange, std::vector<std::byte>& message);

 private:
  struct Mailbox {
    std::mutex mutex;
    std::map<int64_t, std::vector<std::byte>> messages;  // by exchange
  };

  Mailbox& mailbox(int from, int to) { return mailboxes_[from * size() + to]; }

  std::vector<Mailbox> mailboxes_;
  std::vector<std::string> hosts_;
};

class LocalCommunicator : public Communicator {
 public:
  LocalCommunicator(LocalWorld& world, int rank) : world_(world), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return world_.size(); }
  std::span<const std::string> hosts() const override { return world_.hosts(); }

 protected:
  std::unique_ptr<Exchange> DoStart(std::span<const ConstBytes> send,
                                    std::span<const Bytes> recv) override;

 private:
  LocalWorld& world_;
  int rank_;
  int64_t num_exchanges_ = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_LOCAL_COMMUNICATOR_H_
