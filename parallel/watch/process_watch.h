// A watch on the rank's own thread, within its process.

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

// A thread that watches the rank's own thread, and never calls MPI. If the rank's thread stands
// still without waiting for others (in a kernel, a system call, MPI_Init), it says where, and ends
// the process. It does so later than the other ranks would name this rank.
class ProcessWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // Watches the rank of the calling thread. Before SetTimeout, it watches only collective calls.
  ProcessWatch(int rank, const std::string& host, std::chrono::duration<double> startup_timeout);
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;
  ~ProcessWatch();

  // From now on, watches all work of the rank, because others wait for it.
  void SetTimeout(std::chrono::duration<double> timeout);

  // Returns whether the rank's own thread has stood still for about the timeout. False if the whole
  // process stood still, or if the job ends for another reason. Any thread may call it.
  bool StandsStill() const;

  // Sets a function that is called before the process is ended because its own thread stands still
  // in its work.
  void SetOnStandstill(std::function<void()> on_standstill);

  // Sets the recorder whose record is written before the process is ended. It must outlive the
  // watched work.
  void SetRecorder(const FlightRecorder* recorder) { recorder_ = recorder; }

  // Ends the process after `time`, if it has not ended by itself. Call it when the job ends.
  void EndWithin(Clock::duration time);

  // A call of this rank's thread that returns when all ranks have made it, for example MPI_Init.
  // `name` is a literal.
  class CollectiveCall {
   public:
    CollectiveCall(ProcessWatch& watch, const char* name) : watch_(watch) { watch.call_ = name; }
    CollectiveCall(const CollectiveCall&) = delete;
    CollectiveCall& operator=(const CollectiveCall&) = delete;
    ~CollectiveCall() { watch_.call_ = nullptr; }

   private:
    ProcessWatch& watch_;
  };

  // The CPU time of the watching thread.
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

  // Guarded by mutex_: what the watching thread saw last, and since when that has not changed.
  uint64_t progress_ = 0;
  const char* seen_call_ = nullptr;
  Clock::time_point since_;
  Clock::time_point last_check_;
  Clock::duration next_line_{};
  std::function<void()> on_standstill_ = [] {};

  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;  // the last member, because it uses all others
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_PROCESS_WATCH_H_
