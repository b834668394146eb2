// The phases of all ranks over time, for a viewer of traces.

#ifndef OCTET_LAUNCH_OBSERVE_TIMELINE_H_
#define OCTET_LAUNCH_OBSERVE_TIMELINE_H_

#include <absl/status/status.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/activity.h"
#include "parallel/transport/communicator.h"
#include "proto/timeline.pb.h"
#include "runtime/io/file.h"

namespace octet {

// A recorder of the places of this rank, from its construction on. It keeps the first ones, and
// allocates nothing while it records.
class TimelineRecorder {
 public:
  static constexpr size_t kMostPlaces = size_t{1} << 15;  // about 120 steps of 8x7B

  // Collective: all ranks begin together, so that their times agree but for a message's way.
  explicit TimelineRecorder(Communicator& world, size_t most_places = kMostPlaces);
  TimelineRecorder(const TimelineRecorder&) = delete;
  TimelineRecorder& operator=(const TimelineRecorder&) = delete;
  ~TimelineRecorder() { activity_.SetRecorder(nullptr); }

  // Ends the record, and returns it.
  RankTimeline Take();

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    const char* phase;
    int32_t layer;
    bool waiting;
    Clock::time_point start;
  };

  void Record(Place place, bool waiting);

  Activity& activity_;
  const std::string host_;
  const size_t most_places_;
  std::vector<Entry> entries_;
  bool is_full_ = false;
  Clock::time_point full_at_;
  Clock::time_point origin_;
};

// Returns Chrome's trace events as JSON: a process for each rank, a thread for each phase, and one
// for waits. Source: the Trace Event Format of the Chromium project, "complete events".
std::string FormatTimeline(std::span<const RankTimeline> ranks);

// Collective: rank 0 writes the file, and appends a note for the user if a record is not complete.
absl::Status WriteTimeline(Communicator& world, TimelineRecorder& recorder, FileSystem& files,
                           const std::string& path, std::vector<std::string>& notes);

}  // namespace octet

#endif  // OCTET_LAUNCH_OBSERVE_TIMELINE_H_
