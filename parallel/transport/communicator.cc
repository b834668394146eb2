#include "parallel/transport/communicator.h"

#include <sched.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "kernels/base/check.h"

namespace octet {

namespace {

// How long a waiting rank polls without a pause while nothing moves. After that it naps between
// polls: where ranks outnumber cores, or share them with other work, a rank that wakes from a nap
// runs before one that only yields. The longer nothing has moved, the longer it naps, so that
// hundreds of waiting ranks leave the cores to those that work.
constexpr std::chrono::microseconds kSpin(50);
constexpr std::chrono::microseconds kShortestNap(20);
constexpr std::chrono::microseconds kLongestNap(1000);
constexpr int kNapsPerQuietTime = 64;

using Clock = std::chrono::steady_clock;

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

void Communicator::Begin(Exchange& exchange, const Transfer& transfer,
                         std::span<const Outgoing> send, std::span<const Incoming> recv) {
  exchange.transfer_ = transfer;
  exchange.bytes_sent_ = 0;
  exchange.room_ = 0;
  for (const Outgoing& message : send) exchange.bytes_sent_ += std::ssize(message.bytes);
  for (const Incoming& message : recv) exchange.room_ += std::ssize(message.room);
  CountSent(transfer.kind, std::ssize(send), exchange.bytes_sent_);
  exchange.Start(transfer, send, recv);
}

void Communicator::Attend(PendingWork& pending) {
  in_flight_->push_back(&pending);
  if (in_flight_->size() == 1) watchdog_->activity().SetMover([all = in_flight_] { Poll(*all); });
}

void Communicator::Leave(PendingWork& pending) {
  std::erase(*in_flight_, &pending);
  if (in_flight_->empty()) watchdog_->activity().SetMover(nullptr);
}

void Communicator::Wait(PendingWork& pending, Traffic kind, Place place) {
  const Activity::Scope scope(watchdog_->activity(), place);
  watchdog_->recorder().Begin(Name(kind), place, 0);
  WaitFor(pending, kind);
  watchdog_->recorder().End(0);
}

std::span<const size_t> Communicator::Finish(Exchange& exchange) {
  const Transfer& transfer = exchange.transfer_;
  const Activity::Scope scope(watchdog_->activity(), transfer.place);
  FlightRecorder& recorder = watchdog_->recorder();
  const bool is_worth_recording = exchange.bytes_sent_ + exchange.room_ > 0;
  if (is_worth_recording) {
    recorder.Begin(Name(transfer.kind), transfer.place, exchange.bytes_sent_);
  }
  WaitFor(exchange, transfer.kind);
  const std::span<const size_t> received = exchange.received();
  if (is_worth_recording) {
    recorder.End(static_cast<int64_t>(std::reduce(received.begin(), received.end())));
  }
  Leave(exchange);
  return received;
}

void Communicator::Poll(const std::vector<PendingWork*>& pending) {
  for (PendingWork* each : pending) each->Poll();
}

void Communicator::WaitFor(PendingWork& pending, Traffic kind) {
  const Watchdog::Wait wait(*watchdog_, pending, first_);
  const Clock::time_point start = Clock::now();
  Clock::time_point come = start;  // when all ranks had come
  Clock::time_point last_move = start;
  int64_t moves = pending.moves();
  while (!pending.Poll()) {
    Poll(*in_flight_);
    watchdog_->Poll();
    const Clock::time_point now = Clock::now();
    if (!pending.all_have_come()) come = now;
    if (pending.moves() != moves) last_move = now;
    moves = pending.moves();
    if (now - last_move < kSpin) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(std::clamp<Clock::duration>((now - last_move) / kNapsPerQuietTime,
                                                              kShortestNap, kLongestNap));
    }
  }
  const Clock::time_point end = Clock::now();
  if (!pending.all_have_come()) come = end;  // nothing was ever on its way
  time_waited_for_late_ += come - start;
  time_exposed_[static_cast<int>(kind)] += end - come;
  watchdog_->Poll();  // also if this rank is always the last one
}

}  // namespace octet
