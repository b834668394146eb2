#include "launch/observe/timeline.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "kernels/base/check.h"
#include "launch/files/result_file.h"
#include "parallel/transport/collectives.h"
#include "runtime/io/compressed_stream.h"
#include "runtime/io/json_writer.h"

namespace octet {
namespace {

// The rows of a rank from above; phases that are not named here follow as they come.
constexpr std::array kTimelineRows = {"schedule", "attention", "router", "routing", "dispatch",
                                      "experts",  "combine",   "norm",   "head",    "sampling",
                                      "results",  "journal",   "wait"};

class TimelineRows {
 public:
  int RowOf(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) return names_.push_back(name), std::ssize(names_) - 1;
    return static_cast<int>(found - names_.begin());
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_{kTimelineRows.begin(), kTimelineRows.end()};
};

// Perfetto takes process 0 and thread 0 for the idle task of Linux, names them so, and joins other
// rows with them (google/perfetto, issues 394 and 560).
constexpr int kTimelineFirstId = 1;

double TimelineMicroseconds(int64_t ns) { return static_cast<double>(ns) / 1000; }

void WriteTimelineName(const char* kind, int pid, int tid, const std::string& name,
                       JsonWriter& json) {
  json.BeginObject().Member("name", kind).Member("ph", "M").Member("pid", pid).Member("tid", tid);
  json.Key("args").BeginObject().Member("name", name).EndObject().EndObject();
}

void WriteTimelineSpan(const RankTimeline& rank, int pid, int i, TimelineRows& rows,
                       JsonWriter& json) {
  const std::string& phase = rank.phases(rank.phase(i));
  const bool waiting = rank.waiting(i);
  json.BeginObject().Member("name", waiting ? absl::StrCat("wait in ", phase) : phase);
  json.Member("ph", "X").Member("pid", pid);
  json.Member("tid", kTimelineFirstId + rows.RowOf(waiting ? "wait" : phase));
  json.Member("ts", TimelineMicroseconds(rank.start_ns(i)));
  json.Member("dur", TimelineMicroseconds(rank.start_ns(i + 1) - rank.start_ns(i)));
  if (rank.layer(i) >= 0) {
    json.Key("args").BeginObject().Member("layer", rank.layer(i)).EndObject();
  }
  json.EndObject();
}

void WriteTimelineRank(const RankTimeline& rank, int number, JsonWriter& json) {
  const int pid = kTimelineFirstId + number;
  WriteTimelineName("process_name", pid, kTimelineFirstId,
                    absl::StrCat("rank ", number, " on ", rank.host()), json);
  TimelineRows rows;
  for (int i = 0; i + 1 < rank.start_ns_size(); ++i) WriteTimelineSpan(rank, pid, i, rows, json);
  for (size_t row = 0; row < rows.names().size(); ++row) {
    WriteTimelineName("thread_name", pid, kTimelineFirstId + static_cast<int>(row),
                      rows.names()[row], json);
  }
}

}  // namespace

TimelineRecorder::TimelineRecorder(Communicator& world, size_t most_places)
    : activity_(world.watchdog().activity()),
      host_(world.hosts()[world.rank()]),
      most_places_(most_places) {
  entries_.reserve(most_places_);
  AllGather(world, {"timeline"}, "");
  origin_ = Clock::now();
  activity_.SetRecorder([this](Place place, bool waiting) { Record(place, waiting); });
  Record(activity_.place(), activity_.waiting());
}

void TimelineRecorder::Record(Place place, bool waiting) {
  if (is_full_) return;
  if (!entries_.empty()) {
    const Entry& last = entries_.back();
    if (last.waiting == waiting && Place{last.phase, last.layer} == place) return;
  }
  if (entries_.size() == most_places_) {
    is_full_ = true;
    full_at_ = Clock::now();
    return;
  }
  entries_.push_back({place.phase, place.layer, waiting, Clock::now()});
}

RankTimeline TimelineRecorder::Take() {
  activity_.SetRecorder(nullptr);
  RankTimeline timeline;
  timeline.set_host(host_);
  timeline.set_complete(!is_full_);
  const auto since_origin = [this](Clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time - origin_).count();
  };
  for (const Entry& entry : entries_) {
    const auto& names = timeline.phases();
    const auto found = std::find(names.begin(), names.end(), entry.phase);
    timeline.add_phase(static_cast<int>(found - names.begin()));
    if (found == names.end()) timeline.add_phases(entry.phase);
    timeline.add_layer(entry.layer);
    timeline.add_waiting(entry.waiting);
    timeline.add_start_ns(since_origin(entry.start));
  }
  timeline.add_start_ns(since_origin(is_full_ ? full_at_ : Clock::now()));
  return timeline;
}

std::string FormatTimeline(std::span<const RankTimeline> ranks) {
  JsonWriter json;
  json.BeginObject().Member("displayTimeUnit", "ms").Key("traceEvents").BeginArray();
  for (size_t r = 0; r < ranks.size(); ++r) WriteTimelineRank(ranks[r], static_cast<int>(r), json);
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

absl::Status WriteTimeline(Communicator& world, TimelineRecorder& recorder, FileSystem& files,
                           const std::string& path, std::vector<std::string>& notes) {
  const std::string mine = recorder.Take().SerializeAsString();
  std::vector<RankTimeline> ranks;
  for (const std::string& bytes : GatherToRoot(world, {"timeline"}, mine)) {
    if (world.rank() > 0) return absl::OkStatus();
    OCTET_CHECK(ranks.emplace_back().ParseFromString(bytes));
  }
  const auto full =
      std::find_if(ranks.begin(), ranks.end(), [](const auto& r) { return !r.complete(); });
  if (full != ranks.end()) {
    notes.push_back(
        absl::StrCat("--timeline: ", path, " has the first ",
                     TimelineMicroseconds(full->start_ns().Get(full->start_ns_size() - 1)) / 1e6,
                     " s of rank ", full - ranks.begin(), ", which is as much as is kept"));
  }
  return WriteResultFile(files, path, FormatTimeline(ranks));
}

}  // namespace octet
