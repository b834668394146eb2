#include "parallel/local_communicator.h"

#include <algorithm>

#include "kernels/check.h"

namespace octet {
namespace {

class LocalExchange : public Exchange {
 public:
  LocalExchange(LocalWorld& world, int rank, int64_t number, std::span<const Bytes> recv)
      : world_(world),
        rank_(rank),
        number_(number),
        recv_(recv.begin(), recv.end()),
        received_(recv.size()),
        done_(recv.size()) {
    for (size_t r = 0; r < recv.size(); ++r) done_[r] = recv[r].empty();
  }

  bool Poll() override {
    bool all = true;
    for (int r = 0; r < world_.size(); ++r) {
      if (!done_[r]) done_[r] = Receive(r);
      all = all && done_[r];
    }
    return all;
  }

  std::vector<int> Late() const override {
    std::vector<int> late;
    for (int r = 0; r < world_.size(); ++r) {
      if (!done_[r]) late.push_back(r);
    }
    return late;
  }

  std::span<const size_t> received() const override { return received_; }

 private:
  bool Receive(int from) {
    std::vector<std::byte> message;
    if (!world_.Take(from, rank_, number_, message)) return false;
    OCTET_CHECK(message.size() <= recv_[from].size()) << message.size() << " bytes from " << from;
    std::copy(message.begin(), message.end(), recv_[from].begin());
    received_[from] = message.size();
    return true;
  }

  LocalWorld& world_;
  int rank_;
  int64_t number_;
  std::vector<Bytes> recv_;
  std::vector<size_t> received_;
  std::vector<bool> done_;
};

}  // namespace

void LocalWorld::Post(int from, int to, int64_t exchange, ConstBytes message) {
  Mailbox& box = mailbox(from, to);
  const std::lock_guard lock(box.mutex);
  box.messages[exchange].assign(message.begin(), message.end());
}

bool LocalWorld::Take(int from, int to, int64_t exchange, std::vector<std::byte>& message) {
  Mailbox& box = mailbox(from, to);
  const std::lock_guard lock(box.mutex);
  const auto found = box.messages.find(exchange);
  if (found == box.messages.end()) return false;
  message = std::move(found->second);
  box.messages.erase(found);
  return true;
}

std::unique_ptr<Exchange> LocalCommunicator::DoStart(std::span<const ConstBytes> send,
                                                     std::span<const Bytes> recv) {
  const int64_t number = num_exchanges_++;
  for (int r = 0; r < size(); ++r) {
    if (!send[r].empty()) world_.Post(rank_, r, number, send[r]);
  }
  return std::make_unique<LocalExchange>(world_, rank_, number, recv);
}

}  // namespace octet
