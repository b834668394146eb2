#include "parallel/watch/watchdog.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string_view>
#include <thread>

#include "kernels/base/check.h"
#include "kernels/base/thread_cpu.h"
#include "parallel/watch/seconds.h"

namespace octet {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kDefaultTimeout = 60s;

// Each rank tells every other one how it is ten times a second: often enough that "last seen in"
// says where. Less often where ranks are many, so that the cost of a rank stays the same.
constexpr auto kHeartbeatInterval = 100ms;
constexpr auto kHeartbeatIntervalPerRank = 500us;
constexpr auto kLongestHeartbeatInterval = 1000ms;
constexpr int kHeartbeatsPerTimeout = 8;
constexpr int kLooksPerHeartbeat = 5;

// After an alarm: for the others to have spoken, and for this process to be gone.
constexpr auto kOthersWords = 1s;
constexpr auto kLastSteps = 2s;
constexpr auto kPause = 1ms;

// So many intervals between heartbeats may pass by accident, and so large a part of the timeout.
constexpr int kSpareHeartbeats = 2;
constexpr int kSpareParts = 8;

template <size_t kSize>
void CopyText(std::string_view from, std::array<char, kSize>& to) {
  to = {};
  std::copy_n(from.begin(), std::min(from.size(), kSize - 1), to.begin());
}

void Say(const std::string& text) {
  const std::string who = ThreadLabel().empty() ? "octet" : "octet: " + ThreadLabel();
  std::cerr << who + ": " + text + "\n" << std::flush;
}

}  // namespace

Watchdog::Watchdog(Activity& activity, std::unique_ptr<HeartbeatChannel> channel, int rank,
                   std::span<const std::string> hosts)
    : activity_(activity),
      channel_(std::move(channel)),
      peers_(rank, hosts),
      last_look_(Clock::now()),
      moved_(hosts.size()) {
  SetIntervals(kDefaultTimeout);
}

Watchdog::~Watchdog() {
  if (peers_.size() > 1) activity_.SetHook(nullptr, {});
}

void Watchdog::SetIntervals(Clock::duration timeout) {
  timeout_ = timeout;
  const Clock::duration affordable = std::clamp<Clock::duration>(
      peers_.size() * kHeartbeatIntervalPerRank, kHeartbeatInterval, kLongestHeartbeatInterval);
  heartbeat_interval_ = std::min(affordable, timeout / kHeartbeatsPerTimeout);
  look_interval_ = heartbeat_interval_ / kLooksPerHeartbeat;
  spare_ = std::max<Clock::duration>(kSpareHeartbeats * heartbeat_interval_, timeout / kSpareParts);
  if (peers_.size() > 1) activity_.SetHook([this] { Poll(); }, look_interval_);
}

void Watchdog::SetTimeout(std::chrono::duration<double> timeout) {
  watched_ = true;
  SetIntervals(std::chrono::duration_cast<Clock::duration>(timeout));
  if (process_ != nullptr && peers_.size() > 1) process_->SetTimeout(timeout);
}

double Watchdog::cpu_seconds() const {
  return cpu_seconds_ + (process_ != nullptr ? process_->cpu_seconds() : 0);
}

void Watchdog::Poll() {
  const Clock::time_point now = Clock::now();
  if (peers_.size() == 1 || now - last_look_ < look_interval_) return;
  const double cpu_start = ThreadCpuSeconds();
  Look(now);
  cpu_seconds_ += ThreadCpuSeconds() - cpu_start;
}

void Watchdog::Look(Clock::time_point now) {
  IgnoreUnheardTime(now);
  int from = 0;
  Heartbeat beat;
  while (channel_->Receive(from, beat)) {
    peers_.Hear(from, beat, now);
    if (beat.kind == Heartbeat::kAlarm && alarm_.empty()) alarm_ = beat.text.data();
  }
  if (!alarm_.empty()) End(alarm_, now);
  if (now >= next_heartbeat_) SendHeartbeats(now);
  if (wait_ == nullptr) return;
  NoteMoves(now);
  CheckPeers(now);
}

// A rank that was stopped itself, or worked without polling, knows nothing of that time.
void Watchdog::IgnoreUnheardTime(Clock::time_point now) {
  const Clock::duration gap = now - last_look_;
  last_look_ = now;
  if (gap > spare_) peers_.SkipTime(gap);
}

void Watchdog::SendHeartbeats(Clock::time_point now) {
  if (closing_) return;
  const Heartbeat beat = MakeHeartbeat();
  for (int r = 0; r < peers_.size(); ++r) {
    if (r != peers_.rank()) channel_->Send(r, beat);
  }
  next_heartbeat_ = now + heartbeat_interval_;
}

Heartbeat Watchdog::MakeHeartbeat() const {
  const Place place = activity_.place();
  Heartbeat beat = {.layer = place.layer, .progress = activity_.progress(), .waits_for = Suspect()};
  CopyText(place.phase, beat.phase);
  return beat;
}

Watchdog::Wait::Wait(Watchdog& watchdog, const PendingPeers& awaited, int first, int size)
    : watchdog_(watchdog),
      pending_(awaited),
      first_(first),
      size_(size),
      start_(Clock::now()),
      next_note_(watchdog.slow_after_) {
  std::fill(watchdog.moved_.begin(), watchdog.moved_.end(), 0);
  watchdog.wait_ = this;
  watchdog.activity_.set_waiting(true);
}

Watchdog::Wait::~Wait() {
  watchdog_.wait_ = nullptr;
  watchdog_.activity_.set_waiting(false);
}

void Watchdog::NoteMoves(Clock::time_point now) {
  for (int r = 0; r < wait_->size_; ++r) {
    const int64_t moved = wait_->pending_.parts_moved(r);
    if (moved == moved_[r]) continue;
    moved_[r] = moved;
    peers_.NoteMove(wait_->first_ + r, now);
  }
}

bool Watchdog::IsLate(int rank) const {
  const int r = rank - wait_->first_;
  return rank != peers_.rank() && r >= 0 && r < wait_->size_ && wait_->pending_.is_late(r);
}

// Of those that this rank waits for, the one that gave its last sign first.
int Watchdog::Suspect() const {
  if (wait_ == nullptr) return Heartbeat::kNobody;
  int suspect = peers_.rank();
  for (int r = 0; r < peers_.size(); ++r) {
    if (!IsLate(r)) continue;
    if (suspect == peers_.rank() || peers_.sign(r) < peers_.sign(suspect)) suspect = r;
  }
  return suspect;
}

void Watchdog::CheckPeers(Clock::time_point now) {
  const std::vector<int> silent = peers_.Silent(now, timeout_, timeout_ - spare_);
  if (!silent.empty()) {
    const auto verdict = [&](int rank) {
      return " has made no progress for " + Seconds(now - peers_.sign(rank));
    };
    End(DescribeStalledRanks(silent, verdict), now);
  }

  // All wait for each other: a bug, or heartbeats arrive where messages don't.
  const Clock::time_point quiet_since = std::max(peers_.last_move(), wait_->start_);
  if (now - quiet_since > timeout_ + spare_) {
    std::vector<int> late;
    for (int r = 0; r < peers_.size(); ++r) {
      if (IsLate(r)) late.push_back(r);
    }
    End("all ranks wait, and nothing has moved for " + Seconds(now - quiet_since) + "; " +
            DescribeStalledRanks(late, [](int) { return " is late"; }),
        now);
  }
  ReportSlow(now);
}

bool Watchdog::IsFirstThatWaits() const {
  for (int r = 0; r < peers_.rank(); ++r) {
    if (peers_.is_waiting(r)) return false;
  }
  return true;
}

void Watchdog::ReportSlow(Clock::time_point now) {
  const Clock::duration waited = now - wait_->start_;
  if (waited < wait_->next_note_) return;
  wait_->next_note_ *= 2;
  if (!IsFirstThatWaits()) return;
  for (int r = 0; r < peers_.size(); ++r) {
    if (!IsLate(r) || peers_.is_waiting(r)) continue;
    Say("note: waiting for " + Seconds(waited) + " in " + octet::Describe(activity_.place()) +
        " for " + peers_.RankOnHost(r) + ", " + peers_.LastSeen(r) + ", which makes progress");
  }
}

// "rank 1 on host-b has made no progress for 60.0 s, last seen in experts of layer 3, missing from
// combine of layer 3, where rank 0 on host-a waits for it"; the verdict is what stands before the
// first comma, after the host.
std::string Watchdog::DescribeStalledRanks(const std::vector<int>& ranks,
                                           absl::FunctionRef<std::string(int)> verdict) const {
  constexpr size_t kMostNamed = 4;  // as many as fit into a heartbeat
  std::string text;
  for (size_t i = 0; i < std::min(ranks.size(), kMostNamed); ++i) {
    if (i > 0) text += "; ";
    text += peers_.RankOnHost(ranks[i]) + verdict(ranks[i]) + ", " + peers_.LastSeen(ranks[i]) +
            MissingFrom(ranks[i]);
  }
  if (ranks.size() > kMostNamed) {
    text += "; and " + std::to_string(ranks.size() - kMostNamed) + " more";
  }
  return text;
}

// Who waits for this rank, and where. Nothing if nobody says so.
std::string Watchdog::MissingFrom(int rank) const {
  const auto missing = [&](const std::string& place, int waiting) {
    return ", missing from " + place + ", where " + peers_.RankOnHost(waiting) + " waits for it";
  };
  if (IsLate(rank)) return missing(octet::Describe(activity_.place()), peers_.rank());
  for (int r = 0; r < peers_.size(); ++r) {
    if (peers_.last(r).waits_for == rank) return missing(peers_.LastPlace(r), r);
  }
  return "";
}

std::string Watchdog::OwnState(Clock::time_point now) const {
  const std::string place = octet::Describe(activity_.place());
  if (wait_ == nullptr) return "in " + place;
  return "waited " + Seconds(now - wait_->start_) + " in " + place;
}

void Watchdog::End(const std::string& reason, Clock::time_point now) {
  if (process_ != nullptr) process_->EndWithin(kLastSteps);
  const std::string statement = reason + " (here: " + OwnState(now) + ")";
  Say(statement);
  WriteRecorder();
  TellOthers(reason, now);
  if (end_handler_) end_handler_(statement);
  EndJob();
}

void Watchdog::WriteRecorder() {
  if (wait_ != nullptr) {
    std::vector<int> late;
    for (int r = 0; r < peers_.size(); ++r) {
      if (IsLate(r)) late.push_back(r);
    }
    recorder_.SetLate(late);
  }
  if (!report_directory_.empty()) {
    const std::string path =
        report_directory_ + "/flight-rank" + std::to_string(peers_.rank()) + ".txt";
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const bool written = fd >= 0 && recorder_.Write(fd, FlightRecorder::kKept);
    if (fd >= 0) close(fd);
    if (written) return Say("the last exchanges of this rank are in " + path);
  }
  Say("the last exchanges of this rank:");
  recorder_.Write(STDERR_FILENO, FlightRecorder::kOnStandardError);
}

// Until each rank that is alive has said it too, or for a moment.
void Watchdog::TellOthers(const std::string& reason, Clock::time_point now) {
  const Clock::time_point end = Clock::now() + kOthersWords;
  Heartbeat alarm = MakeHeartbeat();
  alarm.kind = Heartbeat::kAlarm;
  CopyText(reason, alarm.text);
  std::vector<bool> told(peers_.size());
  bool done = false;
  while (!done && Clock::now() < end) {
    done = true;
    for (int r = 0; r < peers_.size(); ++r) {
      if (r == peers_.rank()) continue;
      told[r] = told[r] || channel_->Send(r, alarm);
      const bool speaks = peers_.has_alarmed(r) || peers_.IsSilent(r, now, timeout_ / 2);
      done = done && told[r] && speaks;
    }
    int from = 0;
    Heartbeat beat;
    while (channel_->Receive(from, beat)) peers_.Hear(from, beat, Clock::now());
    std::this_thread::sleep_for(kPause);
  }
}

// A rank has done its part when it has said goodbye.
class Watchdog::Closing : public PendingPeers {
 public:
  explicit Closing(const PeerStates& peers) : peers_(peers) {}
  bool is_late(int rank) const override { return rank != peers_.rank() && !peers_.is_gone(rank); }
  int64_t parts_moved(int rank) const override { return is_late(rank) ? 0 : 1; }
  bool complete() const {
    for (int r = 0; r < peers_.size(); ++r) {
      if (is_late(r)) return false;
    }
    return true;
  }

 private:
  const PeerStates& peers_;
};

void Watchdog::Close() {
  Heartbeat bye = MakeHeartbeat();
  bye.kind = Heartbeat::kBye;
  std::vector<bool> told(peers_.size());
  told[peers_.rank()] = true;
  const Closing closing(peers_);
  std::optional<Wait> wait;
  if (watched_) wait.emplace(*this, closing, 0, peers_.size());
  closing_ = true;
  recorder_.Begin("control", activity_.place(), 0);
  while (!closing.complete() || std::find(told.begin(), told.end(), false) != told.end()) {
    for (int r = 0; r < peers_.size(); ++r) told[r] = told[r] || channel_->Send(r, bye);
    Look(Clock::now());
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace octet
