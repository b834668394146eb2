#include "parallel/watch/flight_recorder.h"

#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace octet {
namespace {

double Count(std::chrono::duration<double> time) { return time.count(); }

// A line of bounded length. It allocates no memory, because this rank may be in any state.
class Line {
 public:
  [[gnu::format(printf, 2, 3)]] void Append(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int more = std::vsnprintf(text_.data() + size_, text_.size() - size_, format, arguments);
    va_end(arguments);
    size_ = std::min(size_ + static_cast<size_t>(std::max(more, 0)), text_.size() - 1);
  }
  bool Write(int fd) const { return write(fd, text_.data(), size_) == static_cast<ssize_t>(size_); }

 private:
  static constexpr size_t kMostBytes = 512;
  std::array<char, kMostBytes> text_;
  size_t size_ = 0;
};

}  // namespace

void FlightRecorder::Begin(const char* kind, Place place, int64_t bytes_sent) {
  Entry& entry = entries_[count_ % kKept];
  entry = {.kind = kind, .place = place, .start = Clock::now(), .bytes_sent = bytes_sent};
  ++count_;
}

void FlightRecorder::End(int64_t bytes_received) {
  newest().end = Clock::now();
  newest().bytes_received = bytes_received;
}

void FlightRecorder::SetLate(std::span<const int> ranks) {
  if (count_ == 0) return;
  Entry& entry = newest();
  entry.num_late = static_cast<int>(ranks.size());
  std::copy_n(ranks.begin(), std::min<size_t>(ranks.size(), kMostLate), entry.late.begin());
}

bool FlightRecorder::Write(int fd, int most) const {
  const Clock::time_point now = Clock::now();
  const int64_t kept = std::min<int64_t>({count_, most, kKept});
  for (int64_t i = count_ - kept; i < count_; ++i) {
    if (!WriteEntry(fd, entries_[i % kKept], now)) return false;
  }
  return true;
}

bool FlightRecorder::WriteEntry(int fd, const Entry& entry, Clock::time_point now) const {
  Line line;
  line.Append("  at %.3f s %s: %s", Count(entry.start - origin_), entry.kind, entry.place.phase);
  if (entry.place.layer >= 0) line.Append(" of layer %d", entry.place.layer);
  line.Append(", %lld B to others", static_cast<long long>(entry.bytes_sent));
  if (entry.end != Clock::time_point()) {
    line.Append(", %lld B from them, done after %.6f s",
                static_cast<long long>(entry.bytes_received), Count(entry.end - entry.start));
  } else {
    line.Append(", not done after %.3f s", Count(now - entry.start));
    for (int i = 0; i < std::min(entry.num_late, kMostLate); ++i) {
      line.Append("%s rank %d", i == 0 ? "; late:" : ",", entry.late[i]);
    }
    if (entry.num_late > kMostLate) line.Append(" and %d more", entry.num_late - kMostLate);
  }
  line.Append("\n");
  return line.Write(fd);
}

}  // namespace octet
