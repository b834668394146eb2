// The exchange of bytes between ranks.

#ifndef OCTET_PARALLEL_TRANSPORT_COMMUNICATOR_H_
#define OCTET_PARALLEL_TRANSPORT_COMMUNICATOR_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "parallel/watch/watchdog.h"

namespace octet {

// The purpose of a message. Dispatch and combine carry payload; the others carry metadata.
enum class Traffic { kControl, kRouting, kDispatch, kCombine };
inline constexpr int kNumTrafficKinds = 4;
const char* Name(Traffic kind);

using ConstBytes = std::span<const std::byte>;
using Bytes = std::span<std::byte>;

// A message to a rank.
struct Outgoing {
  int rank;
  ConstBytes bytes;  // not empty
};

// Room for a message from a rank.
struct Incoming {
  int rank;
  Bytes room;  // not empty; may be larger than the message
};

// The kind, place and ticket of messages that are sent and received together. A transfer has at
// most one message to and one from each rank.
struct Transfer {
  Traffic kind;
  Place place;
  int64_t ticket;  // Communicator::NextTicket: both sides have the same
};

// Work that a rank waits for, and itself moves on.
class PendingWork : public PendingPeers {
 public:
  // Moves what can be moved without waiting. Returns true when the work is complete.
  virtual bool Poll() = 0;

  // Returns true when every rank that is waited for has begun to send: what is missing is on its
  // way.
  virtual bool all_have_come() const = 0;

  // Returns how many parts have moved, of all ranks together.
  virtual int64_t moves() const = 0;
};

// A place for one transfer at a time. Keeps its memory from one to the next.
class Exchange : public PendingWork {
 public:
  // The bytes of each message that came, in the order of the rooms. Valid when Poll has returned
  // true.
  virtual std::span<const size_t> received() const = 0;

 private:
  friend class Communicator;
  virtual void Start(const Transfer& transfer, std::span<const Outgoing> send,
                     std::span<const Incoming> recv) = 0;

  // These describe the transfer that was started last.
  Transfer transfer_ = {};
  int64_t bytes_sent_ = 0;
  int64_t room_ = 0;
};

// The ranks of one group. One thread of each rank uses it.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // The host of each rank.
  virtual std::span<const std::string> hosts() const = 0;

  // Collective: returns the communicator of this rank's group. `size` consecutive ranks make a
  // group; `size` divides the size of this communicator. The result must not outlive this object.
  virtual std::unique_ptr<Communicator> MakeGroup(int size) = 0;

  virtual std::unique_ptr<Exchange> MakeExchange() = 0;

  // Collective: returns a number for the transfers that follow, the same on all ranks.
  int64_t NextTicket() { return next_ticket_++; }

  // Starts to send and to receive, in an exchange of this communicator that is not in flight. For
  // each message, both sides give a transfer of the same kind and ticket. A rank without messages
  // need not take part. The memory of the messages must stay until Finish. Several exchanges may be
  // in flight.
  void Start(Exchange& exchange, const Transfer& transfer, std::span<const Outgoing> send,
             std::span<const Incoming> recv) {
    Begin(exchange, transfer, send, recv);
    Attend(exchange);
  }

  // Does the same for an exchange that its owner polls. It is not in flight, and is never finished.
  void Begin(Exchange& exchange, const Transfer& transfer, std::span<const Outgoing> send,
             std::span<const Incoming> recv);

  // After Attend, `pending` moves whenever this rank polls (Activity), until Leave.
  void Attend(PendingWork& pending);
  void Leave(PendingWork& pending);

  // Waits at `place` until `pending` is complete. The Watchdog ends the job if a rank stands still.
  void Wait(PendingWork& pending, Traffic kind, Place place);

  // Waits at the place of the transfer until the exchange is complete. Returns the bytes of each
  // message that came. They are valid until the exchange starts again.
  std::span<const size_t> Finish(Exchange& exchange);

  // Counts messages to others that go another way than through exchanges, and their bytes.
  void CountSent(Traffic kind, int64_t messages, int64_t bytes) {
    messages_sent_[static_cast<int>(kind)] += messages;
    bytes_sent_[static_cast<int>(kind)] += bytes;
  }

  // Counts bytes that other ranks of this host read where this rank wrote them.
  void CountReadInPlace(Traffic kind, int64_t bytes) {
    bytes_read_in_place_[static_cast<int>(kind)] += bytes;
  }

  // The bytes of the messages that this rank has sent to others, by kind.
  int64_t bytes_sent(Traffic kind) const { return bytes_sent_[static_cast<int>(kind)]; }

  // The bytes that other ranks of this host have read in place, by kind.
  int64_t bytes_read_in_place(Traffic kind) const {
    return bytes_read_in_place_[static_cast<int>(kind)];
  }

  // The number of messages that this rank has sent, by kind.
  int64_t messages_sent(Traffic kind) const { return messages_sent_[static_cast<int>(kind)]; }

  // The time for which this rank has waited, in Wait and Finish, for messages that were on their
  // way, by kind. No other work hid this time.
  std::chrono::duration<double> time_exposed(Traffic kind) const {
    return time_exposed_[static_cast<int>(kind)];
  }

  // The time for which it has waited there for ranks that had not begun to send.
  std::chrono::duration<double> time_waited_for_late() const { return time_waited_for_late_; }

  // Sets the timeout for all exchanges of the world: see Watchdog::SetTimeout.
  void set_timeout(std::chrono::duration<double> timeout) { watchdog_->SetTimeout(timeout); }

  // Watches all ranks of the world that this group is part of.
  Watchdog& watchdog() { return *watchdog_; }
  const Watchdog& watchdog() const { return *watchdog_; }

 protected:
  // A world, or a group of `parent` that begins at its rank `first`.
  explicit Communicator(std::unique_ptr<Watchdog> watchdog)
      : own_watchdog_(std::move(watchdog)), watchdog_(own_watchdog_.get()) {}
  Communicator(Communicator& parent, int first)
      : watchdog_(parent.watchdog_), in_flight_(parent.in_flight_), first_(parent.first_ + first) {}

 private:
  void WaitFor(PendingWork& pending, Traffic kind);
  static void Poll(const std::vector<PendingWork*>& pending);

  std::unique_ptr<Watchdog> own_watchdog_;
  Watchdog* watchdog_;
  // The work that moves whenever this rank polls, in the world and all its groups.
  std::vector<PendingWork*> own_in_flight_;
  std::vector<PendingWork*>* in_flight_ = &own_in_flight_;
  int first_ = 0;  // of this group's ranks, in the world
  int64_t next_ticket_ = 0;
  std::array<int64_t, kNumTrafficKinds> bytes_sent_ = {};
  std::array<int64_t, kNumTrafficKinds> bytes_read_in_place_ = {};
  std::array<int64_t, kNumTrafficKinds> messages_sent_ = {};
  std::array<std::chrono::duration<double>, kNumTrafficKinds> time_exposed_ = {};
  std::chrono::duration<double> time_waited_for_late_ = {};
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_COMMUNICATOR_H_
