// A wait for the flags of ranks of one host.

#ifndef OCTET_PARALLEL_DISPATCH_HOST_FLAGS_H_
#define OCTET_PARALLEL_DISPATCH_HOST_FLAGS_H_

#include <algorithm>
#include <span>

#include "parallel/dispatch/host_board.h"
#include "parallel/transport/communicator.h"

namespace octet {

// A wait that is complete when the flag of each of `ranks` has reached this exchange. All `ranks`
// are on this host.
class HostFlags : public PendingWork {
 public:
  using Flag = std::atomic<int64_t> HostBoard::Flags::*;

  HostFlags(const HostBoard& board, const HostTopology& hosts, std::span<const int> ranks,
            Flag flag, int64_t exchange)
      : board_(board), hosts_(hosts), ranks_(ranks), flag_(flag), exchange_(exchange) {}

  bool Poll() override { return moves() == std::ssize(ranks_); }
  bool all_have_come() const override { return false; }
  int64_t moves() const override {
    return std::ranges::count_if(ranks_, [this](int rank) { return HasReached(rank); });
  }
  void Visit(Visitor visit) const override {
    for (const int rank : ranks_) {
      const bool done = HasReached(rank);
      visit({.rank = rank, .late = !done, .moved = done ? 1 : 0});
    }
  }

 private:
  bool HasReached(int rank) const {
    const HostBoard::Flags& flags = board_.flags(hosts_.index_on_host(rank));
    return (flags.*flag_).load(std::memory_order_acquire) >= exchange_;
  }

  const HostBoard& board_;
  const HostTopology& hosts_;
  const std::span<const int> ranks_;
  const Flag flag_;
  const int64_t exchange_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_HOST_FLAGS_H_
