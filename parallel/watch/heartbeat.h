// What ranks tell each other about themselves, beside their work.

#ifndef OCTET_PARALLEL_WATCH_HEARTBEAT_H_
#define OCTET_PARALLEL_WATCH_HEARTBEAT_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace octet {

// One rank's state, as it goes over the wire.
struct Heartbeat {
  enum Kind : int32_t {
    kAlive,
    kAlarm,  // the job ends, for the reason in `text`
    kBye,    // the rank's work is complete; nothing follows
  };
  static constexpr int32_t kNobody = -1;
  static constexpr size_t kPhaseBytes = 24;
  static constexpr size_t kTextBytes = 512;

  Kind kind = kAlive;
  int32_t layer = -1;
  uint64_t progress = 0;
  int32_t waits_for = kNobody;            // the rank that it waits for, if it waits
  std::array<char, kPhaseBytes> phase{};  // cut, zero at the end
  std::array<char, kTextBytes> text{};    // of an alarm; zero at the end

  // What has to be sent.
  size_t bytes() const { return kind == kAlarm ? sizeof(Heartbeat) : offsetof(Heartbeat, text); }
};

// Heartbeats between all ranks of a world. One thread of each rank uses it, which never waits here.
class HeartbeatChannel {
 public:
  virtual ~HeartbeatChannel() = default;

  // False, with nothing sent, while an earlier heartbeat to this rank is still under way.
  virtual bool Send(int to, const Heartbeat& beat) = 0;

  // The next heartbeat that has come, and its sender; false: none.
  virtual bool Receive(int& from, Heartbeat& beat) = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_HEARTBEAT_H_
