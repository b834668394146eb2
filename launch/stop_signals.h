// What a process does when it is told to stop.

#ifndef OCTET_LAUNCH_STOP_SIGNALS_H_
#define OCTET_LAUNCH_STOP_SIGNALS_H_

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "launch/exit_code.h"

namespace octet {

// TERM, INT and HUP end the process at once, whatever it waits for: a launcher leaves it about a
// second. USR1 asks it to finish what it has begun, USR2 to read its placement again. Made in main
// before any other thread, which then leave these signals to this one.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  // Called with the signal's name before the process ends, on a thread of its own; the process ends
  // with what it returns. Without one it ends as if nothing had caught the signal.
  using OnStop = std::function<ExitCode(const char* signal)>;
  void SetOnStop(OnStop on_stop);

  // USR1 has come.
  bool drain_requested() const { return drain_requested_; }

  // USR2 has come since the last call.
  bool TakePlacementRequest() { return placement_requested_.exchange(false); }

 private:
  void Wait();
  void Stop(int signal);

  std::atomic<bool> drain_requested_ = false;
  std::atomic<bool> placement_requested_ = false;
  std::mutex mutex_;
  OnStop on_stop_;
  std::thread waiting_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_STOP_SIGNALS_H_
