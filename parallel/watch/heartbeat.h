// What ranks tell their neighbours in the tree, beside their work.

#ifndef OCTET_PARALLEL_WATCH_HEARTBEAT_H_
#define OCTET_PARALLEL_WATCH_HEARTBEAT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace octet {

// Cut where it is too long, and zeros behind it.
template <size_t kSize>
void CopyText(std::string_view from, std::array<char, kSize>& to) {
  to = {};
  std::copy_n(from.begin(), std::min(from.size(), kSize - 1), to.begin());
}

// One rank's state, as it goes over the wire.
struct Heartbeat {
  enum Kind : int32_t {
    kAlive,
    kAlarm,    // the job ends, for the reason in `text`
    kAllSaid,  // the same, and all ranks beyond the sender have said so
    kBye,      // the rank and those beyond it have come to their end; only an alarm may follow
  };
  static constexpr int32_t kNobody = -1;
  static constexpr size_t kPhaseBytes = 24;
  static constexpr size_t kTextBytes = 512;

  Kind kind = kAlive;
  int32_t layer = -1;
  uint64_t progress = 0;
  uint64_t progress_beyond = 0;           // changes when anything moves beyond the sender
  int32_t all_wait = 0;                   // the sender and all beyond it, as far as it has heard
  int32_t waits_for = kNobody;            // the rank that it waits for, if it waits
  int32_t reporter = kNobody;             // who is to say so when the sender is slow
  std::array<char, kPhaseBytes> phase{};  // cut, zero at the end
  std::array<char, kTextBytes> text{};    // of an alarm; zero at the end

  bool is_alarm() const { return kind == kAlarm || kind == kAllSaid; }

  // What has to be sent.
  size_t bytes() const { return is_alarm() ? sizeof(Heartbeat) : offsetof(Heartbeat, text); }
};

// Heartbeats between a rank and its neighbours. One thread of each rank uses it, which never waits
// here.
class HeartbeatChannel {
 public:
  virtual ~HeartbeatChannel() = default;

  // False, with nothing sent, while an earlier heartbeat to this neighbour is still under way.
  virtual bool Send(int to, const Heartbeat& beat) = 0;

  // The next heartbeat that has come, and its sender; false: none.
  virtual bool Receive(int& from, Heartbeat& beat) = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_HEARTBEAT_H_
