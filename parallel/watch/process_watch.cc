#include "parallel/watch/process_watch.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <utility>

#include "parallel/watch/seconds.h"
#include "parallel/watch/sibling_processes.h"

namespace octet {
namespace {

using namespace std::chrono_literals;

constexpr auto kCheckEvery = 250ms;

// The time between checks is longer than this only if the whole process stood still or had no
// processor. That says nothing about the rank's own thread.
constexpr auto kLongestGap = 4 * kCheckEvery;

// Others may see that this rank stands still earlier than its own process does, by at most this
// time: a check may come late.
constexpr ProcessWatch::Clock::duration kSpare = kCheckEvery + kLongestGap;

// A process ends itself this much later than its timeout: the others know more, and speak first.
constexpr auto kOthersFirst = 2s;

// A collective call that has not returned is reported to the user each time this much time passes.
constexpr auto kLineEvery = 5s;

// Ranks come to MPI_Init one after the other, as fast as the launcher starts them.
constexpr auto kStartup = 3s;

// When one process ends, the launcher ends the others, which may be about to speak.
constexpr auto kLastWords = 1s;

}  // namespace

ProcessWatch::ProcessWatch(int rank, const std::string& host,
                           std::chrono::duration<double> startup_timeout)
    : activity_(Activity::OfThisThread()),
      host_(host),
      who_("rank " + std::to_string(rank) + " on " + host),
      timeout_(std::chrono::duration_cast<Clock::duration>(startup_timeout)),
      since_(Clock::now()),
      last_check_(since_),
      thread_([this] { Run(); }) {}

ProcessWatch::~ProcessWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

void ProcessWatch::SetTimeout(std::chrono::duration<double> timeout) {
  timeout_ = std::chrono::duration_cast<Clock::duration>(timeout);
  watches_work_ = true;
}

void ProcessWatch::EndWithin(Clock::duration time) { end_at_ = Clock::now() + time; }

double ProcessWatch::cpu_seconds() const {
  clockid_t clock;
  timespec time = {};
  auto& thread = const_cast<std::thread&>(thread_);  // native_handle() changes nothing
  if (pthread_getcpuclockid(thread.native_handle(), &clock) != 0) return 0;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void ProcessWatch::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, kCheckEvery, [this] { return stop_; })) Check(Clock::now());
}

void ProcessWatch::Check(Clock::time_point now) {
  const Clock::duration gap = now - last_check_;
  last_check_ = now;
  if (now > end_at_.load()) _exit(1);
  if (gap > kLongestGap) since_ += gap;

  const char* call = call_;
  if (Moves()) {
    seen_call_ = call;
    progress_ = activity_.progress();
    since_ = now;
    next_line_ = kLineEvery;
    return;
  }
  if (call != nullptr) return CheckCall(call, now - since_);
  if (watches_work_ && now - since_ > timeout_.load() + kOthersFirst) {
    on_standstill_();
    Exit("has made no progress for " + Seconds(now - since_) + " in " +
         Describe(activity_.place()));
  }
}

bool ProcessWatch::Moves() const {
  return call_ != seen_call_ || activity_.progress() != progress_ || activity_.waiting();
}

bool ProcessWatch::StandsStill() const {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (!watches_work_ || call_ != nullptr || Moves()) return false;
  if (now - last_check_ > kLongestGap || end_at_.load() != Clock::time_point::max()) return false;
  const Clock::duration timeout = timeout_;
  return now - since_ > timeout - std::min(kSpare, timeout / 2);
}

void ProcessWatch::SetOnStandstill(std::function<void()> on_standstill) {
  const std::lock_guard lock(mutex_);
  on_standstill_ = std::move(on_standstill);
}

void ProcessWatch::CheckCall(const char* call, Clock::duration still) {
  const bool too_long = still > timeout_.load() + kStartup;
  if (!too_long && still < next_line_) return;
  std::string text = "waits for the others in " + std::string(call);
  for (const int rank : StoppedRanksOfThisHost()) {
    text += "; rank " + std::to_string(rank) + " on " + host_ + " is stopped";
  }
  if (too_long) Exit(text + "; ends after " + Seconds(still));
  Say(text);
  next_line_ += kLineEvery;
}

void ProcessWatch::Say(const std::string& text) const {
  std::cerr << "octet: " + who_ + " " + text + "\n" << std::flush;
}

void ProcessWatch::Exit(const std::string& reason) const {
  Say(reason);
  if (const FlightRecorder* recorder = recorder_)
    recorder->Write(STDERR_FILENO, FlightRecorder::kOnStandardError);
  std::this_thread::sleep_for(kLastWords);
  _exit(1);
}

}  // namespace octet
