#include "parallel/communicator.h"

#include <sched.h>

#include <numeric>
#include <thread>

#include "kernels/check.h"

namespace octet {

namespace {

// How long a waiting rank polls without a pause while nothing moves. After that it naps between
// polls: where ranks outnumber cores, or share them with other work, a rank that wakes from a nap
// runs before one that only yields.
constexpr std::chrono::microseconds kSpin(50);
constexpr std::chrono::microseconds kNap(20);

using Clock = std::chrono::steady_clock;

// Of messages, or of the rooms for them: those to and from other ranks.
template <class Span>
int64_t BytesOfOthers(std::span<const Span> spans, int rank) {
  int64_t bytes = 0;
  for (int r = 0; r < std::ssize(spans); ++r) {
    if (r != rank) bytes += static_cast<int64_t>(spans[r].size());
  }
  return bytes;
}

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
  bytes_sent_[static_cast<int>(kind)] += BytesOfOthers(send, rank());
  exchange.Start(send, recv);
}

std::span<const size_t> Communicator::AllToAll(Traffic kind, Place place,
                                               std::span<const ConstBytes> send,
                                               std::span<const Bytes> recv) {
  const Clock::time_point start = Clock::now();
  const Activity::Scope scope(watchdog_->activity(), place);
  FlightRecorder& recorder = watchdog_->recorder();
  const int64_t sent = BytesOfOthers(send, rank());
  const bool is_worth_recording = sent + BytesOfOthers(recv, rank()) > 0;
  if (is_worth_recording) recorder.Begin(Name(kind), place, sent);
  if (exchange_ == nullptr) exchange_ = MakeExchange();
  Start(*exchange_, kind, send, recv);
  WaitFor(*exchange_);
  const std::span<const size_t> received = exchange_->received();
  if (is_worth_recording) {
    recorder.End(static_cast<int64_t>(std::reduce(received.begin(), received.end())) -
                 static_cast<int64_t>(received[rank()]));
  }
  time_waited_[static_cast<int>(kind)] += Clock::now() - start;
  return received;
}

void Communicator::WaitFor(Exchange& exchange) {
  const Watchdog::Wait wait(*watchdog_, exchange, first_, size());
  Clock::time_point last_move = Clock::now();
  int64_t moves = exchange.moves();
  while (!exchange.Poll()) {
    watchdog_->Poll();
    const Clock::time_point now = Clock::now();
    if (exchange.moves() != moves) last_move = now;
    moves = exchange.moves();
    if (now - last_move < kSpin) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
  watchdog_->Poll();  // where this rank is always the last one, too
}

}  // namespace octet
