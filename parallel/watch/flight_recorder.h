// A record of the last exchanges that a rank waited for, to explain a run that ends badly.

#ifndef OCTET_PARALLEL_WATCH_FLIGHT_RECORDER_H_
#define OCTET_PARALLEL_WATCH_FLIGHT_RECORDER_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "kernels/base/activity.h"

namespace octet {

// A recorder that allocates nothing. One thread records; another thread may write the record while
// the first stands still.
class FlightRecorder {
 public:
  static constexpr int kKept = 64;
  static constexpr int kOnStandardError = 8;  // lines; all ranks share it

  // Records that this rank begins to wait for an exchange, in which it sends `bytes_sent` bytes to
  // others. `kind` is a literal.
  void Begin(const char* kind, Place place, int64_t bytes_sent);

  // Records that the exchange that began last is complete.
  void End(int64_t bytes_received);

  // Records that the exchange that began last still waits for `ranks`. Keeps the first few of them.
  void SetLate(std::span<const int> ranks);

  // Writes a line of text for each of the last `most` exchanges, oldest first. Returns false if the
  // file takes no more.
  bool Write(int fd, int most) const;

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int kMostLate = 8;

  struct Entry {
    const char* kind;
    Place place;
    Clock::time_point start;
    Clock::time_point end;  // the epoch if not complete
    int64_t bytes_sent;
    int64_t bytes_received;
    int num_late;
    std::array<int, kMostLate> late;
  };

  Entry& newest() { return entries_[(count_ - 1) % kKept]; }
  bool WriteEntry(int fd, const Entry& entry, Clock::time_point now) const;

  const Clock::time_point origin_ = Clock::now();
  std::array<Entry, kKept> entries_ = {};
  int64_t count_ = 0;  // of all that began
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_FLIGHT_RECORDER_H_
