// How ranks exchange bytes.

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

// What a message is for. Dispatch and combine carry payload; the others carry metadata.
enum class Traffic { kControl, kRouting, kDispatch, kCombine };
inline constexpr int kNumTrafficKinds = 4;
const char* Name(Traffic kind);

using ConstBytes = std::span<const std::byte>;
using Bytes = std::span<std::byte>;

// A place for one all-to-all at a time. Keeps its memory from one to the next.
class Exchange : public PendingPeers {
 public:
  // Moves what can be moved without waiting. True when everything has been sent and received.
  virtual bool Poll() = 0;

  // Every rank that sends has begun to: what is still waited for is on its way.
  virtual bool all_have_come() const = 0;

  // Its message has not arrived, or it has not taken this rank's.
  bool is_late(int rank) const override = 0;

  // Counts parts of messages that have moved, of all ranks.
  virtual int64_t moves() const = 0;

  // Bytes received from each rank; valid when Poll has returned true.
  virtual std::span<const size_t> received() const = 0;

 private:
  friend class Communicator;
  virtual void Start(std::span<const ConstBytes> send, std::span<const Bytes> recv) = 0;

  // Of the all-to-all that was started last.
  Traffic kind_ = Traffic::kControl;
  Place place_ = {};
  int64_t bytes_sent_ = 0;  // to others
  int64_t room_ = 0;        // for bytes from others
};

// The ranks of one group. One thread of each rank uses it.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // The host of each rank.
  virtual std::span<const std::string> hosts() const = 0;

  // Collective: the communicator of this rank's group, where `size` consecutive ranks make a group.
  // `size` divides this one's. Must not outlive this one.
  virtual std::unique_ptr<Communicator> MakeGroup(int size) = 0;

  virtual std::unique_ptr<Exchange> MakeExchange() = 0;

  // Collective: starts to send send[r] to each rank r and to receive into recv[r] from it, in an
  // exchange of this communicator that is not in flight. No message passes where the span is empty;
  // it is empty on both sides or on neither. recv[r] may be larger than what comes. The memory must
  // stay until Finish. Several may be in flight; every rank starts them in the same order. What is
  // in flight moves on whenever this rank polls (Activity).
  void Start(Exchange& exchange, Traffic kind, Place place, std::span<const ConstBytes> send,
             std::span<const Bytes> recv);

  // Collective: waits, as this rank's place, until what was started is complete. The Watchdog ends
  // the job when a rank stands still. Returns the bytes received from each rank, valid until the
  // exchange starts again.
  std::span<const size_t> Finish(Exchange& exchange);

  // Collective: Start and Finish in an exchange of its own.
  std::span<const size_t> AllToAll(Traffic kind, Place place, std::span<const ConstBytes> send,
                                   std::span<const Bytes> recv);

  // Counts what other ranks of this one's host read where it wrote it as sent to them.
  void CountReadInPlace(Traffic kind, int64_t bytes) {
    bytes_sent_[static_cast<int>(kind)] += bytes;
  }

  // Bytes that this rank has sent to others, by kind.
  int64_t bytes_sent(Traffic kind) const { return bytes_sent_[static_cast<int>(kind)]; }

  // How long this rank has waited in Finish for messages that were on their way, by kind: exchange
  // that nothing hid.
  std::chrono::duration<double> time_exposed(Traffic kind) const {
    return time_exposed_[static_cast<int>(kind)];
  }

  // How long it has waited there for ranks that had not begun to send.
  std::chrono::duration<double> time_waited_for_late() const { return time_waited_for_late_; }

  // Of all exchanges of the world: see Watchdog::SetTimeout.
  void set_timeout(std::chrono::duration<double> timeout) { watchdog_->SetTimeout(timeout); }

  // Of all ranks of the world that this group is part of.
  Watchdog& watchdog() { return *watchdog_; }
  const Watchdog& watchdog() const { return *watchdog_; }

 protected:
  // A world, or a group of `parent` that begins at its rank `first`.
  explicit Communicator(std::unique_ptr<Watchdog> watchdog)
      : own_watchdog_(std::move(watchdog)), watchdog_(own_watchdog_.get()) {}
  Communicator(Communicator& parent, int first)
      : watchdog_(parent.watchdog_), in_flight_(parent.in_flight_), first_(parent.first_ + first) {}

 private:
  void WaitFor(Exchange& exchange);
  static void Poll(const std::vector<Exchange*>& exchanges);

  std::unique_ptr<Watchdog> own_watchdog_;
  Watchdog* watchdog_;
  // Of the world and all its groups: what has been started and not finished.
  std::vector<Exchange*> own_in_flight_;
  std::vector<Exchange*>* in_flight_ = &own_in_flight_;
  int first_ = 0;                       // of this group's ranks, in the world
  std::unique_ptr<Exchange> exchange_;  // of AllToAll
  std::array<int64_t, kNumTrafficKinds> bytes_sent_ = {};
  std::array<std::chrono::duration<double>, kNumTrafficKinds> time_exposed_ = {};
  std::chrono::duration<double> time_waited_for_late_ = {};
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_COMMUNICATOR_H_
