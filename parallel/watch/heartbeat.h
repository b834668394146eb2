// The messages by which ranks tell their neighbours in the tree their state.

#ifndef OCTET_PARALLEL_WATCH_HEARTBEAT_H_
#define OCTET_PARALLEL_WATCH_HEARTBEAT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace octet {

// Copies `from`, cut if it is too long, and fills the rest with zeros.
template <size_t kSize>
void CopyText(std::string_view from, std::array<char, kSize>& to) {
  to = {};
  std::copy_n(from.begin(), std::min(from.size(), kSize - 1), to.begin());
}

// The state of one rank, as it goes over the wire.
struct Heartbeat {
  enum Kind : int32_t {
    kAlive,
    kAlarm,    // the job ends, for the reason in `text`
    kAllSaid,  // as kAlarm, and all ranks beyond the sender have said so
    kBye,      // the rank and those beyond it have come to their end; only an alarm may follow
  };
  static constexpr int32_t kNobody = -1;
  static constexpr size_t kPhaseBytes = 24;
  static constexpr size_t kTextBytes = 512;

  Kind kind = kAlive;
  int32_t layer = -1;
  uint64_t progress = 0;
  uint64_t progress_beyond = 0;           // changes when anything moves beyond the sender
  int32_t all_wait = 0;                   // the sender and all beyond it wait, as far as it knows
  int32_t waits_for = kNobody;            // the rank that it waits for, if it waits
  int32_t reporter = kNobody;             // the rank that reports the sender if it is slow
  std::array<char, kPhaseBytes> phase{};  // cut, zero at the end
  std::array<char, kTextBytes> text{};    // of an alarm; zero at the end

  bool is_alarm() const { return kind == kAlarm || kind == kAllSaid; }

  // The number of bytes to send.
  size_t bytes() const { return is_alarm() ? sizeof(Heartbeat) : offsetof(Heartbeat, text); }
};

// A channel for heartbeats between a rank and its neighbours. One thread of each rank uses it, and
// never waits in it.
class HeartbeatChannel {
 public:
  virtual ~HeartbeatChannel() = default;

  // Sends a heartbeat. Returns false, and sends nothing, while an earlier heartbeat to this
  // neighbour is still under way.
  virtual bool Send(int to, const Heartbeat& beat) = 0;

  // Takes the next heartbeat that has come, and its sender. Returns false if there is none.
  virtual bool Receive(int& from, Heartbeat& beat) = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_HEARTBEAT_H_
