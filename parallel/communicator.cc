#include "parallel/communicator.h"

#include <sched.h>

#include <thread>

#include "kernels/check.h"

namespace octet {

namespace {

// How long a waiting rank polls without a pause. After that it naps between polls: where ranks
// outnumber cores, or share them with other work, a rank that wakes from a nap runs before one that
// only yields.
constexpr std::chrono::microseconds kSpin(50);
constexpr std::chrono::microseconds kNap(20);

}  // namespace

const char* Name(Traffic kind) {
  switch (kind) {
    case Traffic::kControl:
      return "control";
    case Traffic::kRouting:
      return "routing";
    case Traffic::kDispatch:
      return "dispatch";
    case Traffic::kCombine:
      return "combine";
  }
  return "?";
}

void Communicator::Start(Exchange& exchange, Traffic kind, std::span<const ConstBytes> send,
                         std::span<const Bytes> recv) {
  OCTET_CHECK(std::ssize(send) == size() && std::ssize(recv) == size());
  for (int r = 0; r < size(); ++r) {
    if (r != rank()) bytes_sent_[static_cast<int>(kind)] += static_cast<int64_t>(send[r].size());
  }
  exchange.Start(send, recv);
}

std::span<const size_t> Communicator::AllToAll(Traffic kind, Place place,
                                               std::span<const ConstBytes> send,
                                               std::span<const Bytes> recv) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  if (exchange_ == nullptr) exchange_ = MakeExchange();
  Start(*exchange_, kind, send, recv);
  while (!exchange_->Poll()) {
    const Clock::duration waited = Clock::now() - start;
    if (waited > timeout_) FailLate(place, *exchange_);
    if (waited < kSpin) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
  time_waited_[static_cast<int>(kind)] += Clock::now() - start;
  return exchange_->received();
}

void Communicator::FailLate(Place place, const Exchange& exchange) const {
  std::string message = "waited " + std::to_string(timeout_.count()) + " s in " + place.phase;
  if (place.layer >= 0) message += " of layer " + std::to_string(place.layer);
  message += " for";
  for (const int r : exchange.Late()) message += " rank " + std::to_string(r) + " on " + hosts()[r];
  Fatal(__FILE__, __LINE__, message);
}

}  // namespace octet
