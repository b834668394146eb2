#include "parallel/transport/communicator.h"

#include <sched.h>

#include <numeric>
#include <thread>

#include "kernels/base/check.h"

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

void Communicator::Start(Exchange& exchange, Traffic kind, Place place,
                         std::span<const ConstBytes> send, std::span<const Bytes> recv) {
  OCTET_CHECK(std::ssize(send) == size() && std::ssize(recv) == size());
  exchange.kind_ = kind;
  exchange.place_ = place;
  exchange.bytes_sent_ = BytesOfOthers(send, rank());
  exchange.room_ = BytesOfOthers(recv, rank());
  bytes_sent_[static_cast<int>(kind)] += exchange.bytes_sent_;
  exchange.Start(send, recv);
  in_flight_->push_back(&exchange);
  if (in_flight_->size() == 1) watchdog_->activity().SetMover([all = in_flight_] { Poll(*all); });
}

std::span<const size_t> Communicator::Finish(Exchange& exchange) {
  const Activity::Scope scope(watchdog_->activity(), exchange.place_);
  FlightRecorder& recorder = watchdog_->recorder();
  const bool is_worth_recording = exchange.bytes_sent_ + exchange.room_ > 0;
  if (is_worth_recording)
    recorder.Begin(Name(exchange.kind_), exchange.place_, exchange.bytes_sent_);
  WaitFor(exchange);
  const std::span<const size_t> received = exchange.received();
  if (is_worth_recording) {
    recorder.End(static_cast<int64_t>(std::reduce(received.begin(), received.end())) -
                 static_cast<int64_t>(received[rank()]));
  }
  std::erase(*in_flight_, &exchange);
  if (in_flight_->empty()) watchdog_->activity().SetMover(nullptr);
  return received;
}

std::span<const size_t> Communicator::AllToAll(Traffic kind, Place place,
                                               std::span<const ConstBytes> send,
                                               std::span<const Bytes> recv) {
  if (exchange_ == nullptr) exchange_ = MakeExchange();
  Start(*exchange_, kind, place, send, recv);
  return Finish(*exchange_);
}

void Communicator::Poll(const std::vector<Exchange*>& exchanges) {
  for (Exchange* exchange : exchanges) exchange->Poll();
}

void Communicator::WaitFor(Exchange& exchange) {
  const Watchdog::Wait wait(*watchdog_, exchange, first_, size());
  const Clock::time_point start = Clock::now();
  Clock::time_point come = start;  // when all had
  Clock::time_point last_move = start;
  int64_t moves = exchange.moves();
  while (!exchange.Poll()) {
    Poll(*in_flight_);
    watchdog_->Poll();
    const Clock::time_point now = Clock::now();
    if (!exchange.all_have_come()) come = now;
    if (exchange.moves() != moves) last_move = now;
    moves = exchange.moves();
    if (now - last_move < kSpin) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
  time_waited_for_late_ += come - start;
  time_exposed_[static_cast<int>(exchange.kind_)] += Clock::now() - come;
  watchdog_->Poll();  // where this rank is always the last one, too
}

}  // namespace octet
