#include "parallel/watch/watchdog.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string_view>
#include <thread>

#include "kernels/base/check.h"
#include "kernels/base/thread_cpu.h"
#include "parallel/watch/alarm_spread.h"
#include "parallel/watch/seconds.h"

namespace octet {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kDefaultTimeout = 60s;

// Each rank tells its neighbours its state ten times a second, so that "last seen in" is accurate.
constexpr auto kHeartbeatInterval = 100ms;
constexpr int kHeartbeatsPerTimeout = 8;
constexpr int kLooksPerHeartbeat = 5;

// The times after an alarm in which the others must have spoken, and this process must be gone.
constexpr auto kOthersWords = 1s;
constexpr auto kLastSteps = 2s;
constexpr auto kPause = 1ms;

// A silence of this many heartbeat intervals, or of 1 / kSpareParts of the timeout, may be an
// accident.
constexpr int kSpareHeartbeats = 2;
constexpr int kSpareParts = 8;

// A rank judges a silent rank on another host this much later, because ranks of that host can say
// it better. If the judging rank itself does not wait, it judges this much later, because maybe no
// rank waits.
constexpr int kHeartbeatsForItsHost = 2;
constexpr auto kWithoutWaiting = 2s;

// Returns what `describe` says of each rank, for as many ranks as fit into a heartbeat.
std::string DescribeAll(const std::vector<int>& ranks,
                        absl::FunctionRef<std::string(int rank)> describe) {
  constexpr size_t kMostNamed = 4;
  std::string text;
  for (size_t i = 0; i < std::min(ranks.size(), kMostNamed); ++i) {
    if (i > 0) text += "; ";
    text += describe(ranks[i]);
  }
  if (ranks.size() > kMostNamed) {
    text += "; and " + std::to_string(ranks.size() - kMostNamed) + " more";
  }
  return text;
}

void Say(const std::string& text) {
  const std::string who = ThreadLabel().empty() ? "octet" : "octet: " + ThreadLabel();
  std::cerr << who + ": " + text + "\n" << std::flush;
}

}  // namespace

Watchdog::Watchdog(Activity& activity, std::unique_ptr<HeartbeatChannel> channel, int rank,
                   std::span<const std::string> hosts, std::vector<TreeNeighbour> neighbours)
    : activity_(activity),
      channel_(std::move(channel)),
      peers_(rank, hosts, std::move(neighbours)),
      said_goodbye_(peers_.neighbours().size()),
      last_look_(Clock::now()),
      moved_(hosts.size()),
      moves_(hosts.size()) {
  SetIntervals(kDefaultTimeout);
}

Watchdog::~Watchdog() {
  if (peers_.size() > 1) activity_.SetHook(nullptr, {});
}

void Watchdog::SetIntervals(Clock::duration timeout) {
  timeout_ = timeout;
  heartbeat_interval_ =
      std::min<Clock::duration>(kHeartbeatInterval, timeout / kHeartbeatsPerTimeout);
  look_interval_ = heartbeat_interval_ / kLooksPerHeartbeat;
  spare_ = std::max<Clock::duration>(kSpareHeartbeats * heartbeat_interval_, timeout / kSpareParts);
  if (peers_.size() > 1) activity_.SetHook([this] { Poll(); }, look_interval_);
}

void Watchdog::SetTimeout(std::chrono::duration<double> timeout) {
  watched_ = true;
  last_look_ = Clock::now();
  peers_.CountFrom(last_look_);
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
  HearAll(now);
  if (!alarm_.empty()) End(alarm_, now);
  if (now >= next_heartbeat_) SendHeartbeats(now);
  if (wait_ != nullptr) NoteMoves(now);
  if (closing_ && !watched_) return;
  if (watched_ || wait_ != nullptr) CheckNeighbours(now);
  if (wait_ == nullptr) return;
  CheckForDeadlock(now);
  ReportSlow(now);
}

void Watchdog::HearAll(Clock::time_point now) {
  int from = 0;
  Heartbeat beat;
  while (channel_->Receive(from, beat)) {
    peers_.Hear(from, beat, now);
    if (beat.is_alarm() && alarm_.empty()) alarm_ = beat.text.data();
  }
}

// A rank that was stopped itself, or worked without polling, knows nothing of that time.
void Watchdog::IgnoreUnheardTime(Clock::time_point now) {
  const Clock::duration gap = now - last_look_;
  last_look_ = now;
  if (gap > spare_) peers_.SkipTime(gap);
}

void Watchdog::SendHeartbeats(Clock::time_point now) {
  Heartbeat beat = MakeHeartbeat();
  for (size_t i = 0; i < said_goodbye_.size(); ++i) {
    if (said_goodbye_[i]) continue;
    const int to = peers_.neighbours()[i].rank;
    AddNews(to, now, beat);
    channel_->Send(to, beat);
  }
  next_heartbeat_ = now + heartbeat_interval_;
}

Heartbeat Watchdog::MakeHeartbeat() const {
  const Place place = activity_.place();
  Heartbeat beat = {.layer = place.layer,
                    .progress = activity_.progress(),
                    .waits_for = Suspect(),
                    .reporter = peers_.FirstThatWaits()};
  CopyText(place.phase, beat.phase);
  return beat;
}

// Adds what this rank hears from its other neighbours.
void Watchdog::AddNews(int to, Clock::time_point now, Heartbeat& beat) const {
  const PeerStates::News news = peers_.NewsWithout(to, now, spare_);
  beat.progress_beyond = news.progress;
  beat.all_wait = wait_ != nullptr && news.all_wait;
}

Watchdog::Wait::Wait(Watchdog& watchdog, const PendingPeers& pending, int first)
    : watchdog_(watchdog),
      pending_(pending),
      first_(first),
      start_(Clock::now()),
      next_note_(watchdog.slow_after_) {
  watchdog.wait_ = this;
  watchdog.activity_.set_waiting(true);
}

Watchdog::Wait::~Wait() {
  watchdog_.wait_ = nullptr;
  watchdog_.activity_.set_waiting(false);
}

void Watchdog::NoteMoves(Clock::time_point now) {
  const auto visit = [this](auto f) {
    wait_->pending_.Visit([&](const PendingPeers::Peer& p) { f(wait_->first_ + p.rank, p.moved); });
  };
  visit([this](int rank, int64_t) {
    moves_[rank] = 0;
    if (!wait_->noted_) moved_[rank] = 0;
  });
  wait_->noted_ = true;
  visit([this](int rank, int64_t moved) { moves_[rank] += moved; });
  visit([&](int rank, int64_t) {
    if (moves_[rank] == moved_[rank]) return;
    moved_[rank] = moves_[rank];
    peers_.NoteMove(rank, now);
  });
}

std::vector<int> Watchdog::LateRanks() const {
  std::vector<int> late;
  if (wait_ == nullptr) return late;
  wait_->pending_.Visit([&](const PendingPeers::Peer& peer) {
    const int rank = wait_->first_ + peer.rank;
    if (peer.late && rank != peers_.rank()) late.push_back(rank);
  });
  std::ranges::sort(late);
  late.erase(std::unique(late.begin(), late.end()), late.end());
  return late;
}

// Returns the rank whose last sign is oldest, among those that this rank waits for.
int Watchdog::Suspect() const {
  if (wait_ == nullptr) return Heartbeat::kNobody;
  int suspect = peers_.rank();
  wait_->pending_.Visit([&](const PendingPeers::Peer& peer) {
    const int rank = wait_->first_ + peer.rank;
    if (!peer.late || rank == peers_.rank()) return;
    if (suspect == peers_.rank() || peers_.sign(rank) < peers_.sign(suspect)) suspect = rank;
  });
  return suspect;
}

// "rank 1 on host-b has made no progress for 60.0 s, last seen in experts of layer 3, missing from
// combine of layer 3, where rank 0 on host-a waits for it"
void Watchdog::CheckNeighbours(Clock::time_point now) {
  const Clock::duration limit = timeout_ + (wait_ != nullptr ? 0s : kWithoutWaiting);
  const std::vector<int> silent =
      peers_.Silent(now, {.silent = limit,
                          .almost_silent = limit - spare_,
                          .more_elsewhere = kHeartbeatsForItsHost * heartbeat_interval_});
  if (silent.empty()) return;
  const auto describe = [&](int rank) {
    return peers_.RankOnHost(rank) + " has made no progress for " +
           Seconds(now - peers_.sign(rank)) + Known(rank) + peers_.RestOfHost(rank);
  };
  End(DescribeAll(silent, describe), now);
}

// Ends the job if all ranks wait for each other: there is a bug, or heartbeats arrive where
// messages don't.
void Watchdog::CheckForDeadlock(Clock::time_point now) {
  const Clock::duration quiet = now - std::max(peers_.last_move(), wait_->start_);
  if (quiet <= timeout_ + spare_) return;
  if (!peers_.NewsWithout(Heartbeat::kNobody, now, spare_).all_wait) return;
  const auto describe = [&](int rank) {
    return peers_.RankOnHost(rank) + " is late" + Known(rank);
  };
  End("all ranks wait, and nothing has moved for " + Seconds(quiet) + "; " +
          DescribeAll(LateRanks(), describe),
      now);
}

// A slow rank names one of its neighbours that wait, so that only one reports it.
void Watchdog::ReportSlow(Clock::time_point now) {
  const Clock::duration waited = now - wait_->start_;
  if (waited < wait_->next_note_) return;
  wait_->next_note_ *= 2;
  for (const TreeNeighbour& n : peers_.neighbours()) {
    if (peers_.is_waiting(n.rank) || peers_.last(n.rank).reporter != peers_.rank()) continue;
    Say("note: waiting for " + Seconds(waited) + " in " + octet::Describe(activity_.place()) +
        " for " + peers_.RankOnHost(n.rank) + peers_.LastSeen(n.rank) + ", which makes progress");
  }
}

// Says where the rank was last seen, which rank waits for it, and where.
std::string Watchdog::Known(int rank) const { return peers_.LastSeen(rank) + MissingFrom(rank); }

// Says which rank waits for `rank`, and where. Empty if nobody says so.
std::string Watchdog::MissingFrom(int rank) const {
  const auto missing = [&](const std::string& place, int waiting) {
    return ", missing from " + place + ", where " + peers_.RankOnHost(waiting) + " waits for it";
  };
  if (std::ranges::binary_search(LateRanks(), rank))
    return missing(octet::Describe(activity_.place()), peers_.rank());
  for (const TreeNeighbour& n : peers_.neighbours()) {
    if (peers_.last(n.rank).waits_for == rank) return missing(peers_.LastPlace(n.rank), n.rank);
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
  if (wait_ != nullptr) recorder_.SetLate(LateRanks());
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

// Tells the others until each rank that is alive has said it too, or until kOthersWords is over.
void Watchdog::TellOthers(const std::string& reason, Clock::time_point now) {
  const Clock::time_point end = Clock::now() + kOthersWords;
  Heartbeat alarm = MakeHeartbeat();
  CopyText(reason, alarm.text);
  AlarmSpread spread(peers_, *channel_, alarm, now, timeout_ / 2);
  while (!spread.Poll() && Clock::now() < end) {
    HearAll(Clock::now());
    std::this_thread::sleep_for(kPause);
  }
}

void Watchdog::Close() {
  const ClosingPeers closing(peers_);
  const Wait wait(*this, closing, 0);
  closing_ = true;
  recorder_.Begin("control", activity_.place(), 0);
  while (!closing.all_have_come() ||
         std::ranges::find(said_goodbye_, false) != said_goodbye_.end()) {
    const Clock::time_point now = Clock::now();
    SayGoodbye(closing, now);
    Look(now);
    std::this_thread::sleep_for(kPause);
  }
}

void Watchdog::SayGoodbye(const ClosingPeers& closing, Clock::time_point now) {
  Heartbeat bye = MakeHeartbeat();
  bye.kind = Heartbeat::kBye;
  for (size_t i = 0; i < said_goodbye_.size(); ++i) {
    const TreeNeighbour& to = peers_.neighbours()[i];
    if (said_goodbye_[i] || !closing.IsTimeFor(to)) continue;
    AddNews(to.rank, now, bye);
    said_goodbye_[i] = channel_->Send(to.rank, bye);
  }
}

}  // namespace octet
