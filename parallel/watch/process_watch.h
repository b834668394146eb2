// Whether this process still moves.

#ifndef OCTET_PARALLEL_WATCH_PROCESS_WATCH_H_
#define OCTET_PARALLEL_WATCH_PROCESS_WATCH_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "kernels/base/activity.h"
#include "parallel/watch/flight_recorder.h"

namespace octet {

// A thread that looks at the rank's own one, and never calls MPI. Where that one stands still
// without waiting for others (in a kernel, a system call, MPI_Init), it says where and ends the
// process, later than the other ranks would name it.
class ProcessWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // Watches the calling thread's rank. Before SetTimeout only collective calls are watched.
  ProcessWatch(int rank, const std::string& host, std::chrono::duration<double> startup_timeout);
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;
  ~ProcessWatch();

  // From now on: all work of the rank, which others wait for.
  void SetTimeout(std::chrono::duration<double> timeout);

  // The rank's own thread has stood still about as long as is allowed to, and not because the whole
  // process did, or the job ends for another reason. Any thread.
  bool StandsStill() const;

  // Called before the process is ended because its own thread stands still in its work.
  void SetOnStandstill(std::function<void()> on_standstill);

  // What it writes before it ends the process. Must outlive the watched work.
  void SetRecorder(const FlightRecorder* recorder) { recorder_ = recorder; }

  // The job ends: if the process has not ended by itself after this time, it is ended.
  void EndWithin(Clock::duration time);

  // This rank's thread is in a call that returns when all ranks have made it: MPI_Init. Its name is
  // a literal.
  class CollectiveCall {
   public:
    CollectiveCall(ProcessWatch& watch, const char* name) : watch_(watch) { watch.call_ = name; }
    CollectiveCall(const CollectiveCall&) = delete;
    CollectiveCall& operator=(const CollectiveCall&) = delete;
    ~CollectiveCall() { watch_.call_ = nullptr; }

   private:
    ProcessWatch& watch_;
  };

  // CPU time of the thread.
  double cpu_seconds() const;

 private:
  void Run();
  void Check(Clock::time_point now);
  bool Moves() const;
  void CheckCall(const char* call, Clock::duration still);
  [[noreturn]] void Exit(const std::string& reason) const;
  void Say(const std::string& text) const;

  Activity& activity_;
  const std::string host_;
  const std::string who_;
  std::atomic<Clock::duration> timeout_;
  std::atomic<bool> watches_work_ = false;
  std::atomic<const FlightRecorder*> recorder_ = nullptr;
  std::atomic<Clock::time_point> end_at_ = Clock::time_point::max();
  std::atomic<const char*> call_ = nullptr;

  // Guarded by mutex_: what the thread saw last, since when that has not changed.
  uint64_t progress_ = 0;
  const char* seen_call_ = nullptr;
  Clock::time_point since_;
  Clock::time_point last_check_;
  Clock::duration next_line_{};
  std::function<void()> on_standstill_ = [] {};

  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;  // the last: it uses all of the above
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_PROCESS_WATCH_H_
